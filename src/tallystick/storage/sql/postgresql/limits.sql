-- A token's own limits: what only PostgreSQL says so.

-- name: spend_uses(asked)
-- So many more uses of each token, and how many that makes.  `asked`: rows of 2, one per token, as JSON.
-- (In order, so that two who count for the same tokens never wait for each other.)
INSERT INTO token_use (token_id, count)
SELECT value->>0, (value->>1)::bigint
  FROM jsonb_array_elements(:asked::jsonb) AS a (value)
 ORDER BY 1
ON CONFLICT (token_id) DO UPDATE SET count = token_use.count + excluded.count
RETURNING token_id, count;

-- name: add_shadow(refused, most, others)!
-- Add what would have been refused.  `refused`: rows of 8, as JSON.  A token with `most` kinds of it already has what is new
-- counted under `others`.
INSERT INTO shadow (token_id, kind, detail, count, first_at, last_at, ip, user_agent)
WITH given AS MATERIALIZED (
    SELECT value->>0           AS token_id,
           value->>1           AS kind,
           value->>2           AS detail,
           (value->>3)::bigint AS count,
           (value->>4)::bigint AS first_at,
           (value->>5)::bigint AS last_at,
           value->>6           AS ip,
           value->>7           AS user_agent
      FROM jsonb_array_elements(:refused::jsonb) AS r (value)
)
SELECT g.token_id,
       g.kind,
       CASE
           WHEN (SELECT count(*) FROM shadow AS s WHERE s.token_id = g.token_id) < :most
             OR EXISTS (SELECT 1 FROM shadow AS s WHERE s.token_id = g.token_id AND s.kind = g.kind AND s.detail = g.detail)
           THEN g.detail
           ELSE :others
       END AS kept,
       sum(g.count),
       min(g.first_at),
       max(g.last_at),
       max(g.ip),
       max(g.user_agent)
  FROM given AS g
 WHERE EXISTS (SELECT 1 FROM token AS t WHERE t.id = g.token_id)
 GROUP BY 1, 2, 3
 ORDER BY 1, 2, 3
ON CONFLICT (token_id, kind, detail) DO UPDATE
   SET count      = shadow.count + excluded.count,
       first_at   = least(shadow.first_at, excluded.first_at),
       last_at    = greatest(shadow.last_at, excluded.last_at),
       ip         = excluded.ip,
       user_agent = excluded.user_agent;
