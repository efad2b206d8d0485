-- A token's own limits: what every dialect says alike.

-- name: set_limits(id, limits)!
-- Limit one token otherwise, unless it was revoked meanwhile.
UPDATE token
   SET limits = :limits
 WHERE id = :id
   AND revoked_at IS NULL;

-- name: spent(token_id)^
-- How often a token was used that is limited to a number of uses.
SELECT count
  FROM token_use
 WHERE token_id = :token_id;

-- name: shadow_of_token(token_id)
-- What its limits that only report would have refused.
SELECT token_id,
       kind,
       detail,
       count,
       first_at,
       last_at,
       ip,
       user_agent
  FROM shadow
 WHERE token_id = :token_id;

-- name: forget_shadow_of_token(id)!
-- Drop it: it was about other limits.
DELETE FROM shadow
 WHERE token_id = :id;

-- name: forget_shadow_of_user(id)!
-- Drop what was kept of the tokens of a user who goes, before they do.
DELETE FROM shadow
 WHERE token_id IN (SELECT id FROM token WHERE user_id = :id);

-- name: forget_uses_of_user(id)!
-- The same for how often they were used.
DELETE FROM token_use
 WHERE token_id IN (SELECT id FROM token WHERE user_id = :id);
