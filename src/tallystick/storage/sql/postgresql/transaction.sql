-- What PostgreSQL's driver does around the work of a transaction.  Ids come as one JSON array.

-- name: stand_still(customers, users, tokens)
-- Wait until nobody else changes anything of these customers, or of those that these users and tokens belong to, and keep it so
-- until the end.  (In order, so that two who do so never wait for each other.)
SELECT pg_advisory_xact_lock(key)
  FROM (
         SELECT DISTINCT hashtextextended(customer_id, 1) AS key
           FROM (
                  SELECT jsonb_array_elements_text(:customers::jsonb) AS customer_id
                  UNION ALL
                  SELECT customer_id FROM "user" WHERE id = ANY (ARRAY(SELECT jsonb_array_elements_text(:users::jsonb)))
                  UNION ALL
                  SELECT customer_id FROM token WHERE id = ANY (ARRAY(SELECT jsonb_array_elements_text(:tokens::jsonb)))
                ) AS named
          ORDER BY key
         OFFSET 0
       ) AS keys;

-- name: make_room(customers, owners)
-- Wait until nobody changes anything of these customers, or adds a token to one of these owners, and keep it so.
SELECT CASE WHEN for_one THEN pg_advisory_xact_lock(key)::text ELSE pg_advisory_xact_lock_shared(key)::text END
  FROM (
         SELECT DISTINCT for_one, key
           FROM (
                  SELECT false AS for_one, hashtextextended(jsonb_array_elements_text(:customers::jsonb), 1) AS key
                  UNION ALL
                  SELECT true, hashtextextended(jsonb_array_elements_text(:owners::jsonb), 2)
                ) AS named
          ORDER BY for_one, key
         OFFSET 0
       ) AS keys;

-- name: announce(count, changes, kept, channel)
-- Take the next numbers, write down what they are about, and wake whoever waits for news when it is committed.  One statement,
-- the last before the commit, because whoever has taken a number holds up all others who take one.  `changes`, `kept`: rows of
-- 5 and of 8 values, which begin with which of the numbers they belong to.  The last of the numbers.
WITH here AS (
    SELECT left(pg_walfile_name(pg_current_wal_lsn()), 8) AS timeline
),
taken AS (
    UPDATE head
       SET seq = CASE WHEN head.timeline IN ('', here.timeline) THEN seq ELSE (seq / 10000000000 + 1) * 10000000000 END + :count,
           timeline = here.timeline
      FROM here
     WHERE one = 1
 RETURNING seq, seq - :count AS before
),
told AS (
    INSERT INTO change (seq, kind, key, at, request_id)
    SELECT before + (value->>0)::bigint, value->>1, value->>2, (value->>3)::bigint, value->>4
      FROM taken, jsonb_array_elements(:changes::jsonb) AS changes (value)
),
kept AS (
    INSERT INTO receipt (seq, customer_id, at, user_id, token_id, request_id, count, changes)
    SELECT before + (value->>0)::bigint,
           value->>1,
           (value->>2)::bigint,
           value->>3,
           value->>4,
           value->>5,
           (value->>6)::bigint,
           value->>7
      FROM taken, jsonb_array_elements(:kept::jsonb) AS kept (value)
)
SELECT seq, pg_notify(:channel, seq::text)
  FROM taken;

-- name: begin_numbers()!
-- The range of numbers of this server's timeline begins, unless it has.
UPDATE head
   SET seq = CASE WHEN timeline = '' THEN seq ELSE (seq / 10000000000 + 1) * 10000000000 END,
       timeline = left(pg_walfile_name(pg_current_wal_lsn()), 8)
 WHERE one = 1
   AND timeline <> left(pg_walfile_name(pg_current_wal_lsn()), 8);

-- name: was_told(customer_id, at, id)$
-- Whether an event is there, and so all that happened with it.
SELECT EXISTS (SELECT 1 FROM event WHERE customer_id = :customer_id AND at = :at AND id = :id);

-- name: prove()
-- Write something that is nothing: only the primary can.  One that was replaced waits in vain for its standby.
SELECT pg_logical_emit_message(true, 'tallystick', '');

-- name: forget_other_clocks(boot)!
-- Drop what was leased by another server's clock, or before this one's start, when none of it lasts any more.
DELETE FROM verifier
 WHERE boot <> :boot;

-- name: as_of()
-- What a statement finds (`{asked}`), and up to which change that shows everything.  Of one statement, so of one moment.
SELECT head.seq, found.*
  FROM head
  LEFT JOIN (SELECT true, asked.* FROM ({asked}
       ) AS asked) AS found ON true
 WHERE head.one = 1;

-- name: as_of_primary()
-- The same, answered only when something was written after it: a server that others have replaced, and that cannot write for
-- want of its standby, does not know what has been changed since.
SELECT head.seq, found.*
  FROM head
  LEFT JOIN (SELECT true, asked.* FROM ({asked}
       ) AS asked) AS found ON true
 WHERE head.one = 1
   AND (SELECT pg_logical_emit_message(true, 'tallystick', '')) IS NOT NULL;
