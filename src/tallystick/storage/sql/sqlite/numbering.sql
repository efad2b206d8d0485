-- The numbers of changes: what a transaction of SQLite's does at its end.  Rows come as one JSON array, and begin with which
-- of this transaction's numbers they belong to: 1 is the one after `before`.

-- name: next_numbers(count)^
-- Take so many numbers; the last of them.
UPDATE head
   SET seq = seq + :count
 WHERE one = 1
RETURNING seq;

-- name: add_changes(before, changes)!
-- Write down what changes are about.  `changes`: rows of 5 values.
INSERT INTO change (seq, kind, key, at, request_id)
SELECT :before + json_extract(value, '$[0]'),
       json_extract(value, '$[1]'),
       json_extract(value, '$[2]'),
       json_extract(value, '$[3]'),
       json_extract(value, '$[4]')
  FROM json_each(:changes);

-- name: keep_changes(before, kept)!
-- Keep changes for whoever asks for their receipts.  `kept`: rows of 8 values, of which the last is a JSON array itself.
INSERT INTO receipt (seq, customer_id, at, user_id, token_id, request_id, count, changes)
SELECT :before + json_extract(value, '$[0]'),
       json_extract(value, '$[1]'),
       json_extract(value, '$[2]'),
       json_extract(value, '$[3]'),
       json_extract(value, '$[4]'),
       json_extract(value, '$[5]'),
       json_extract(value, '$[6]'),
       json_extract(value, '$[7]')
  FROM json_each(:kept);
