-- Changes: what only PostgreSQL says so.  Leases are by its own clock, ms since the epoch.

-- name: note_heard(heard)!
-- Note that everybody has heard of changes, where it is not noted.  `heard`: rows of 4 values, as one JSON array.
UPDATE receipt
   SET heard_at  = (h.value->>1)::bigint,
       verifiers = (h.value->>2)::bigint,
       waited_ms = (h.value->>3)::bigint
  FROM jsonb_array_elements(:heard::jsonb) AS h (value)
 WHERE receipt.seq = ANY (ARRAY(SELECT (value->>0)::bigint FROM jsonb_array_elements(:heard::jsonb)))
   AND receipt.seq = (h.value->>0)::bigint
   AND receipt.heard_at IS NULL;

-- name: lease(id, acked, lasts_ms, speaks_for)!
-- A verifier may answer from memory until then.  `boot`: which server's clock that is by; one that takes over for another goes
-- on in a new timeline, the first part of the name of its log's file.  Up to which change there are some, and whether they are
-- numbered in this timeline's range.
INSERT INTO verifier (id, boot, acked, lease_until, speaks_for)
VALUES (
    :id,
    left(pg_walfile_name(pg_current_wal_lsn()), 8) || ' ' || pg_postmaster_start_time(),
    :acked,
    (extract(epoch FROM clock_timestamp()) * 1000)::bigint + :lasts_ms,
    :speaks_for
)
ON CONFLICT (id) DO UPDATE
   SET boot = excluded.boot,
       acked = excluded.acked,
       lease_until = excluded.lease_until,
       speaks_for = excluded.speaks_for
RETURNING boot,
          (SELECT seq FROM head WHERE one = 1),
          (SELECT head.timeline = left(verifier.boot, 8) FROM head WHERE one = 1);

-- name: ack(id, acked)!
-- A verifier has heard of everything up to there.  Nobody waits for the disk: where this is lost in a crash, it has to be said
-- again, and until then whoever changed something waits for longer.  (A lease is not lost: who waits must know of it.)
UPDATE verifier
   SET acked = :acked
 WHERE id = :id
   AND acked < :acked
   AND set_config('synchronous_commit', 'off', true) IS NOT NULL;

-- name: leased()
-- How far those have heard who may hold a lease, and for how many others each speaks.  What was leased by another server's clock, or before this one started, may
-- last: who waits for that waits for as long as a lease can, unless it is renewed before.
SELECT acked, speaks_for
  FROM verifier
 WHERE boot <> left(pg_walfile_name(pg_current_wal_lsn()), 8) || ' ' || pg_postmaster_start_time()
    OR lease_until > (extract(epoch FROM clock_timestamp()) * 1000)::bigint;

-- name: followers()
-- Those who hold a lease, and for how long still.
  SELECT id, acked, lease_until - (extract(epoch FROM clock_timestamp()) * 1000)::bigint
    FROM verifier
   WHERE boot = left(pg_walfile_name(pg_current_wal_lsn()), 8) || ' ' || pg_postmaster_start_time()
     AND lease_until > (extract(epoch FROM clock_timestamp()) * 1000)::bigint
ORDER BY id;

-- name: trim_verifiers()!
-- Drop the leases that are over.
DELETE FROM verifier
 WHERE boot = left(pg_walfile_name(pg_current_wal_lsn()), 8) || ' ' || pg_postmaster_start_time()
   AND lease_until < (extract(epoch FROM clock_timestamp()) * 1000)::bigint;
