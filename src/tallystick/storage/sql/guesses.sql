-- Failed guesses: what every dialect says alike.

-- name: failures(key)^
-- How often in a row guessing has failed for a key, and when last.
SELECT count, last_at
  FROM guess
 WHERE key = :key;

-- name: forget_older(before)!
-- Drop the rows of failures that nobody has added to for long.
DELETE FROM guess
 WHERE last_at < :before;
