-- Tokens: what only SQLite says so.  Lists come as one JSON array, so that a batch of any size is one statement: the
-- driver gives up the interpreter's lock at every step, and taking it back from a busy event loop can last milliseconds.

-- name: add_all(asked, digests)!
-- Add tokens, each unless its user has `limit` live ones (those before it in the list included), or what it needs is gone:
-- the parent that asked was revoked, the user locked, another password set, or a service is not the customer's.
-- `asked`: rows of 16 values; `digests`: 32 bytes for each.  Whoever calls wants all or none, and counts.
INSERT INTO token (
    id, digest, user_id, customer_id, name, scope, services, created_at, expires_at, role, creator_id, tls_access, limits
)
WITH asked AS (
    SELECT json_extract(value, '$[0]')       AS id,
           substr(:digests, 1 + 32 * key, 32) AS digest,
           json_extract(value, '$[1]')       AS user_id,
           json_extract(value, '$[2]')       AS customer_id,
           json_extract(value, '$[3]')       AS name,
           json_extract(value, '$[4]')       AS scope,
           json_extract(value, '$[5]')       AS services,
           json_extract(value, '$[6]')       AS created_at,
           json_extract(value, '$[7]')       AS expires_at,
           json_extract(value, '$[8]')       AS role,
           json_extract(value, '$[9]')       AS creator_id,
           json_extract(value, '$[10]')      AS tls_access,
           json_extract(value, '$[11]')      AS most,
           json_extract(value, '$[12]')      AS parent_id,
           json_extract(value, '$[13]')      AS now,
           json_extract(value, '$[14]')      AS proof,
           json_extract(value, '$[15]')      AS limits
      FROM json_each(:asked)
),
numbered AS (
    SELECT *, row_number() OVER (PARTITION BY user_id) AS nth
      FROM asked
)
SELECT id, digest, user_id, customer_id, name, scope, services, created_at, expires_at, role, creator_id, tls_access, limits
  FROM numbered AS n
 WHERE n.nth
       + (SELECT count(*) FROM token AS t WHERE t.user_id = n.user_id AND t.revoked_at IS NULL AND t.expires_at IS NULL)
       + (SELECT count(*) FROM token AS t WHERE t.user_id = n.user_id AND t.revoked_at IS NULL AND t.expires_at > n.now)
       <= n.most
   AND (n.parent_id IS NULL OR EXISTS (SELECT 1 FROM token AS p WHERE p.id = n.parent_id AND p.revoked_at IS NULL))
   AND NOT EXISTS (SELECT 1 FROM "user" AS u WHERE u.id = coalesce(n.user_id, n.creator_id) AND (u.locked OR u.password_hash <> n.proof))
   AND (n.services = '[]' OR NOT EXISTS (
           SELECT 1
             FROM json_each(n.services) AS a
            WHERE NOT EXISTS (SELECT 1 FROM service AS s WHERE s.id = a.value AND s.customer_id = n.customer_id)
       ));

-- name: out_of_reach(ids, customer_id, owner_id)$
-- Those of the ids, as a JSON array, that are not tokens within reach.
SELECT json_group_array(a.value)
  FROM json_each(:ids) AS a
 WHERE NOT EXISTS (
           SELECT 1
             FROM token AS t
            WHERE t.id = a.value
              AND t.customer_id = :customer_id
              AND (:owner_id IS NULL OR t.owner_id = :owner_id)
       );

-- name: unrevoked_among(ids, customer_id, owner_id)
-- Those of the tokens within reach that nobody ended before.
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
 WHERE id IN (SELECT value FROM json_each(:ids))
   AND revoked_at IS NULL
   AND customer_id = :customer_id
   AND (:owner_id IS NULL OR owner_id = :owner_id);

-- name: revoke_all(ids, customer_id, owner_id, now)!
-- End those of the tokens within reach that nobody ended before.
UPDATE token
   SET revoked_at = :now
 WHERE id IN (SELECT value FROM json_each(:ids))
   AND revoked_at IS NULL
   AND customer_id = :customer_id
   AND (:owner_id IS NULL OR owner_id = :owner_id);

-- name: move_tokens(ids, id, role)!
-- Make automation tokens of a user's tokens.  They keep all but whom they belong to.
UPDATE token
   SET user_id = NULL,
       role = :role,
       creator_id = :id,
       sudo_until = NULL
 WHERE id IN (SELECT value FROM json_each(:ids))
   AND user_id = :id
   AND revoked_at IS NULL;

-- name: touch(uses)!
-- Note when, from where and by what tokens were last used, unless a newer use is noted.  `uses`: rows of 4, one per id.
UPDATE token
   SET used_at    = json_extract(u.value, '$[1]'),
       used_ip    = json_extract(u.value, '$[2]'),
       used_agent = json_extract(u.value, '$[3]')
  FROM json_each(:uses) AS u
 WHERE token.id = json_extract(u.value, '$[0]')
   AND (token.used_at IS NULL OR token.used_at <= json_extract(u.value, '$[1]'));

-- name: live_of_service(id, customer_id, now)
-- The live tokens that are limited to a service, in whatever order the index has them.
SELECT id, created_at
  FROM token
 WHERE customer_id = :customer_id
   AND revoked_at IS NULL
   AND services <> '[]'
   AND (expires_at IS NULL OR expires_at > :now)
   AND EXISTS (SELECT 1 FROM json_each(token.services) WHERE value = :id);

-- name: are_services(ids, customer_id)$
-- Whether all of the ids are services of this customer: says why an addition was refused.
SELECT NOT EXISTS (
           SELECT 1
             FROM json_each(:ids) AS a
            WHERE NOT EXISTS (SELECT 1 FROM service AS s WHERE s.id = a.value AND s.customer_id = :customer_id)
       );
