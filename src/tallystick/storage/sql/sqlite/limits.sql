-- A token's own limits: what only SQLite says so.

-- name: spend_uses(asked)
-- So many more uses of each token, and how many that makes.  `asked`: rows of 2, one per token, as JSON.
-- (Without WHERE the parser takes ON for a join.)
INSERT INTO token_use (token_id, count)
SELECT json_extract(value, '$[0]'), json_extract(value, '$[1]')
  FROM json_each(:asked)
 WHERE true
ON CONFLICT (token_id) DO UPDATE SET count = token_use.count + excluded.count
RETURNING token_id, count;

-- name: add_shadow(refused, most, others)!
-- Add what would have been refused.  `refused`: rows of 8, as JSON.  A token with `most` kinds of it already has what is new
-- counted under `others`.
INSERT INTO shadow (token_id, kind, detail, count, first_at, last_at, ip, user_agent)
WITH given AS (
    SELECT json_extract(value, '$[0]') AS token_id,
           json_extract(value, '$[1]') AS kind,
           json_extract(value, '$[2]') AS detail,
           json_extract(value, '$[3]') AS count,
           json_extract(value, '$[4]') AS first_at,
           json_extract(value, '$[5]') AS last_at,
           json_extract(value, '$[6]') AS ip,
           json_extract(value, '$[7]') AS user_agent
      FROM json_each(:refused)
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
 GROUP BY g.token_id, g.kind, kept
ON CONFLICT (token_id, kind, detail) DO UPDATE
   SET count      = shadow.count + excluded.count,
       first_at   = min(shadow.first_at, excluded.first_at),
       last_at    = max(shadow.last_at, excluded.last_at),
       ip         = excluded.ip,
       user_agent = excluded.user_agent;
