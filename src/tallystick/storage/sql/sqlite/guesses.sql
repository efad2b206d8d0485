-- Failed guesses: what only SQLite says so.  Keys come as one JSON array.

-- name: note_failure(keys, now)!
-- One more failure for each key.  (Without WHERE the parser takes ON for a join.)
INSERT INTO guess (key, count, last_at)
SELECT value, 1, :now
  FROM json_each(:keys)
 WHERE true
ON CONFLICT (key) DO UPDATE SET count = guess.count + 1, last_at = max(guess.last_at, excluded.last_at);

-- name: forget(keys)!
-- These rows of failures are over.
DELETE FROM guess
 WHERE key IN (SELECT value FROM json_each(:keys));
