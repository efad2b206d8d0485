-- Tokens: what every dialect says alike.  `… = :name OR :name IS NULL`: PostgreSQL takes a value's type from where it comes first.
-- The columns of a token are in the order that rows.py reads.

-- name: look_up(digest)^
-- The token behind a digest, live or not, and its user.  An automation token has none.  The hot path: two index searches, and one
-- more for a token with scopes that are not built in, which needs the catalogue as of the same moment.
SELECT t.id,
       t.user_id,
       t.customer_id,
       t.name,
       t.scope,
       t.services,
       t.created_at,
       t.expires_at,
       t.sudo_until,
       t.used_at,
       t.used_ip,
       t.used_agent,
       t.revoked_at,
       t.role,
       t.creator_id,
       t.tls_access,
       t.limits,
       u.login,
       u.name,
       u.role,
       u.totp_sealed IS NOT NULL,
       u.created_at,
       u.updated_at,
       u.locked,
       CASE WHEN t.scope <> 'global:read' AND t.scope LIKE '%:%' THEN (
           SELECT scopes FROM catalogue WHERE customer_id IN ('', t.customer_id) ORDER BY customer_id LIMIT 1
       ) END
  FROM token AS t
  LEFT JOIN "user" AS u ON u.id = t.user_id
 WHERE t.digest = :digest;

-- name: token(id)^
-- One token by id, live or not.
SELECT id,
       user_id,
       customer_id,
       name,
       scope,
       services,
       created_at,
       expires_at,
       sudo_until,
       used_at,
       used_ip,
       used_agent,
       revoked_at,
       role,
       creator_id,
       tls_access,
       limits
  FROM token
 WHERE id = :id;

-- name: tokens_of_owner(owner_id, customer_id, created_at, id, size)
-- The next batch of an owner's tokens that are not revoked, after (created_at, id), oldest first.
-- || '': the planner must not think of the customer's index, in which it would walk through everybody's tokens.
  SELECT id,
         user_id,
         customer_id,
         name,
         scope,
         services,
         created_at,
         expires_at,
         sudo_until,
         used_at,
         used_ip,
         used_agent,
         revoked_at,
         role,
         creator_id,
         tls_access,
         limits
    FROM token
   WHERE owner_id = :owner_id
     AND customer_id || '' = :customer_id
     AND revoked_at IS NULL
     AND (created_at, id) > (:created_at, :id)
ORDER BY created_at, id
   LIMIT :size;

-- name: tokens_of_customer(customer_id, created_at, id, size)
-- The next batch of a customer's tokens that are not revoked, after (created_at, id), oldest first.
  SELECT id,
         user_id,
         customer_id,
         name,
         scope,
         services,
         created_at,
         expires_at,
         sudo_until,
         used_at,
         used_ip,
         used_agent,
         revoked_at,
         role,
         creator_id,
         tls_access,
         limits
    FROM token
   WHERE customer_id = :customer_id
     AND revoked_at IS NULL
     AND (created_at, id) > (:created_at, :id)
ORDER BY created_at, id
   LIMIT :size;

-- name: is_unrevoked(id)$
-- Whether the token that asks for another is still in force: says why an addition was refused.
SELECT EXISTS (SELECT 1 FROM token WHERE id = :id AND revoked_at IS NULL);

-- name: is_unproven(user_id, proof)$
-- Whether a user is locked, or has another password than was proven (NULL = any): says why an addition was refused.
SELECT EXISTS (SELECT 1 FROM "user" WHERE id = :user_id AND (locked OR password_hash <> :proof));

-- name: raise_sudo(id, until)!
-- Raise one token, unless it was revoked meanwhile.
UPDATE token
   SET sudo_until = :until
 WHERE id = :id
   AND revoked_at IS NULL;

-- name: revoke(id, customer_id, owner_id, now)!
-- End one token, if it is within reach and nobody ended it before.
UPDATE token
   SET revoked_at = :now
 WHERE id = :id
   AND revoked_at IS NULL
   AND customer_id = :customer_id
   AND (owner_id = :owner_id OR :owner_id IS NULL);

-- name: live_of_user(id, now)
-- A user's live tokens, oldest first.
  SELECT id
    FROM token
   WHERE owner_id = :id
     AND revoked_at IS NULL
     AND (expires_at IS NULL OR expires_at > :now)
ORDER BY created_at, id;

-- name: live_records_of_user(id, now)
-- The same, whole, in any order.
SELECT id,
       user_id,
       customer_id,
       name,
       scope,
       services,
       created_at,
       expires_at,
       sudo_until,
       used_at,
       used_ip,
       used_agent,
       revoked_at,
       role,
       creator_id,
       tls_access,
       limits
  FROM token
 WHERE owner_id = :id
   AND revoked_at IS NULL
   AND (expires_at IS NULL OR expires_at > :now);

-- name: others_of_user(id, kept)
-- A user's tokens that are not revoked, but one.
SELECT id,
       user_id,
       customer_id,
       name,
       scope,
       services,
       created_at,
       expires_at,
       sudo_until,
       used_at,
       used_ip,
       used_agent,
       revoked_at,
       role,
       creator_id,
       tls_access,
       limits
  FROM token
 WHERE owner_id = :id
   AND id <> :kept
   AND revoked_at IS NULL;

-- name: revoke_others(id, kept, now)!
-- End all of a user's tokens but one.
UPDATE token
   SET revoked_at = :now
 WHERE owner_id = :id
   AND id <> :kept
   AND revoked_at IS NULL;

-- name: forget_of_user(id)!
-- Delete the tokens of a user who goes, none of which is live.
DELETE FROM token
 WHERE user_id = :id;
