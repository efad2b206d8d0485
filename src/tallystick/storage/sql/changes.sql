-- Changes and who has heard of them: what every dialect says alike.

-- name: next_seq()^
-- The number of the change that this transaction makes.
UPDATE head
   SET seq = seq + 1
 WHERE one = 1
RETURNING seq;

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

-- name: lease(id, boot, acked, lease_until)!
-- A verifier may answer from memory until then.
INSERT INTO verifier (id, boot, acked, lease_until)
VALUES (:id, :boot, :acked, :lease_until)
ON CONFLICT (id) DO UPDATE SET boot = excluded.boot, acked = excluded.acked, lease_until = excluded.lease_until;

-- name: ack(id, acked)!
-- A verifier has heard of everything up to there.
UPDATE verifier
   SET acked = :acked
 WHERE id = :id
   AND acked < :acked;

-- name: leave(id)!
-- A verifier answers from memory no more.
DELETE FROM verifier
 WHERE id = :id;

-- name: hearing(seq, boot, now)^
-- How many hold a lease, and how many of them have not heard of a change.
SELECT count(*), coalesce(sum(CASE WHEN acked < :seq THEN 1 ELSE 0 END), 0)
  FROM verifier
 WHERE boot = :boot
   AND lease_until > :now;

-- name: followers(boot, now)
-- Those who hold a lease, and for how long still.
  SELECT id, acked, lease_until - :now
    FROM verifier
   WHERE boot = :boot
     AND lease_until > :now
ORDER BY id;

-- name: keep_change(seq, customer_id, at, user_id, token_id, request_id, count, changes)!
-- Keep a change for whoever asks for its receipt.  `changes`: up to 100 of them, [kind, key] each, as one JSON array.
INSERT INTO receipt (seq, customer_id, at, user_id, token_id, request_id, count, changes)
VALUES (:seq, :customer_id, :at, :user_id, :token_id, :request_id, :count, :changes);

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

-- name: trim_verifiers(boot, now)!
-- Drop the leases that are over, and those of another start of this machine.
DELETE FROM verifier
 WHERE boot <> :boot
    OR lease_until < :now;
