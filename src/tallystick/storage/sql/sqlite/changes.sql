-- Changes: what only SQLite says so.

-- name: note_heard(heard)!
-- Note that everybody has heard of changes, where it is not noted.  `heard`: rows of 4 values, as one JSON array.
UPDATE receipt
   SET heard_at  = json_extract(h.value, '$[1]'),
       verifiers = json_extract(h.value, '$[2]'),
       waited_ms = json_extract(h.value, '$[3]')
  FROM json_each(:heard) AS h
 WHERE receipt.seq = json_extract(h.value, '$[0]')
   AND receipt.heard_at IS NULL;

-- name: lease(id, boot, acked, now, lasts_ms, speaks_for)!
-- A verifier may answer from memory until then.
INSERT INTO verifier (id, boot, acked, lease_until, speaks_for)
VALUES (:id, :boot, :acked, :now + :lasts_ms, :speaks_for)
ON CONFLICT (id) DO UPDATE
   SET boot = excluded.boot,
       acked = excluded.acked,
       lease_until = excluded.lease_until,
       speaks_for = excluded.speaks_for;

-- name: ack(id, acked)!
-- A verifier has heard of everything up to there.
UPDATE verifier
   SET acked = :acked
 WHERE id = :id
   AND acked < :acked;

-- name: leased(boot, now)
-- How far those have heard who hold a lease, and for how many others each speaks.
SELECT acked, speaks_for
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

-- name: trim_verifiers(boot, now)!
-- Drop the leases that are over, and those of another start of this machine.
DELETE FROM verifier
 WHERE boot <> :boot
    OR lease_until < :now;
