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

-- name: note_heard(heard)!
-- Note that everybody has heard of changes, where it is not noted.  `heard`: rows of 4 values, as one JSON array.
UPDATE receipt
   SET heard_at  = json_extract(h.value, '$[1]'),
       verifiers = json_extract(h.value, '$[2]'),
       waited_ms = json_extract(h.value, '$[3]')
  FROM json_each(:heard) AS h
 WHERE receipt.seq = json_extract(h.value, '$[0]')
   AND receipt.heard_at IS NULL;
