-- How often tokens were presented: what only SQLite says so.

-- name: add_usage(usage)!
-- Add to what was counted.  `usage`: rows of 9, as JSON; an hour of a token may come more than once.
INSERT INTO usage (token_id, hour, allowed, expired, revoked, locked, scope, service, limited)
SELECT json_extract(value, '$[0]'),
       json_extract(value, '$[1]'),
       json_extract(value, '$[2]'),
       json_extract(value, '$[3]'),
       json_extract(value, '$[4]'),
       json_extract(value, '$[5]'),
       json_extract(value, '$[6]'),
       json_extract(value, '$[7]'),
       json_extract(value, '$[8]')
  FROM json_each(:usage)
 WHERE EXISTS (SELECT 1 FROM token AS t WHERE t.id = json_extract(value, '$[0]'))
ON CONFLICT (token_id, hour) DO UPDATE
   SET allowed = usage.allowed + excluded.allowed,
       expired = usage.expired + excluded.expired,
       revoked = usage.revoked + excluded.revoked,
       locked  = usage.locked + excluded.locked,
       scope   = usage.scope + excluded.scope,
       service = usage.service + excluded.service,
       limited = usage.limited + excluded.limited;

-- name: forget_usage(before)!
-- Drop the hours that began before that instant.  CROSS JOIN: token by token, each with one look into its oldest hours;
-- left alone, the planner reads the whole table.
DELETE FROM usage
 WHERE (token_id, hour) IN (
           SELECT u.token_id, u.hour
             FROM token AS t
            CROSS JOIN usage AS u
            WHERE u.token_id = t.id
              AND u.hour < :before
       );
