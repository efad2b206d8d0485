-- How often tokens were presented: what every dialect says alike.

-- name: usage_of_token(token_id, since, until)
-- The hours of one token that began at `since` or later, and before `until`, the oldest first.
SELECT token_id,
       hour,
       allowed,
       expired,
       revoked,
       locked,
       scope,
       service,
       limited
  FROM usage
 WHERE token_id = :token_id
   AND hour >= :since
   AND hour < :until
 ORDER BY hour;

-- name: count_once(writer, number, at)!
-- This batch of a writer's is counted now, unless it was before, when no row is touched.
INSERT INTO counted (writer, number, at)
VALUES (:writer, :number, :at)
ON CONFLICT (writer) DO UPDATE
   SET number = excluded.number,
       at = excluded.at
 WHERE counted.number < excluded.number;

-- name: forget_counted(before)!
-- Drop what was noted of writers that have counted nothing since.
DELETE FROM counted
 WHERE at < :before;

-- name: forget_usage_of_user(id)!
-- Drop what was counted of the tokens of a user who goes, before they do.
DELETE FROM usage
 WHERE token_id IN (SELECT id FROM token WHERE user_id = :id);
