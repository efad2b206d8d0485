-- How often tokens were presented: what only PostgreSQL says so.

-- name: add_usage(usage)!
-- Add to what was counted.  `usage`: rows of 9, as JSON; an hour of a token may come more than once.
INSERT INTO usage (token_id, hour, allowed, expired, revoked, locked, scope, service, limited)
SELECT u.value->>0,
       (u.value->>1)::bigint,
       sum((u.value->>2)::bigint),
       sum((u.value->>3)::bigint),
       sum((u.value->>4)::bigint),
       sum((u.value->>5)::bigint),
       sum((u.value->>6)::bigint),
       sum((u.value->>7)::bigint),
       sum((u.value->>8)::bigint)
  FROM jsonb_array_elements(:usage::jsonb) AS u (value)
 WHERE EXISTS (SELECT 1 FROM token AS t WHERE t.id = u.value->>0)
 GROUP BY 1, 2
 ORDER BY 1, 2
ON CONFLICT (token_id, hour) DO UPDATE
   SET allowed = usage.allowed + excluded.allowed,
       expired = usage.expired + excluded.expired,
       revoked = usage.revoked + excluded.revoked,
       locked  = usage.locked + excluded.locked,
       scope   = usage.scope + excluded.scope,
       service = usage.service + excluded.service,
       limited = usage.limited + excluded.limited;

-- name: forget_usage(before)!
-- Drop the hours that began before that instant.
DELETE FROM usage
 WHERE hour < :before;
