-- Changes: what only SQLite says so.

-- name: add_changes(changes)!
-- Write down what a change is about.  `changes`: rows of 5 values, as one JSON array.
INSERT OR IGNORE INTO change (seq, kind, key, at, request_id)
SELECT json_extract(value, '$[0]'),
       json_extract(value, '$[1]'),
       json_extract(value, '$[2]'),
       json_extract(value, '$[3]'),
       json_extract(value, '$[4]')
  FROM json_each(:changes);
