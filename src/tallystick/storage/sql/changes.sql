-- Changes and who has heard of them: what every dialect says alike.

-- name: head()$
-- The number of the newest change.
SELECT seq
  FROM head
 WHERE one = 1;

-- name: changes_after(seq)
-- What came after a change.
  SELECT seq, kind, key
    FROM change
   WHERE seq > :seq
ORDER BY seq;

-- name: change_of_request(request_id, since)$
-- The newest change that a request made.
SELECT max(seq)
  FROM change
 WHERE seq > :since
   AND request_id = :request_id;

-- name: leave(id)!
-- A verifier answers from memory no more.
DELETE FROM verifier
 WHERE id = :id;

-- name: numbered(seq)^
-- A change that is kept, in the order of columns that rows.py reads.
SELECT seq, customer_id, at, user_id, token_id, request_id, count, changes, heard_at, verifiers, waited_ms
  FROM receipt
 WHERE seq = :seq;

-- name: trim_numbered(before)!
-- Drop old ones.
DELETE FROM receipt
 WHERE at < :before;

-- name: trim_changes(before)!
-- Drop old changes, but for the newest number's.
DELETE FROM change
 WHERE at < :before
   AND seq < (SELECT seq FROM head WHERE one = 1);
