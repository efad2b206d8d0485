-- Failed guesses: what only PostgreSQL says so.  Keys come as one JSON array.

-- name: note_failure(keys, now)!
-- One more failure for each key.  (In order, so that two who note the same keys never wait for each other.)
INSERT INTO guess (key, count, last_at)
SELECT value, 1, :now::bigint
  FROM jsonb_array_elements_text(:keys::jsonb) AS keys (value)
 ORDER BY value COLLATE "C"
ON CONFLICT (key) DO UPDATE SET count = guess.count + 1, last_at = greatest(guess.last_at, excluded.last_at);

-- name: forget(keys)!
-- These rows of failures are over.
DELETE FROM guess
 WHERE key = ANY (ARRAY(SELECT jsonb_array_elements_text(:keys::jsonb)));
