-- Tokens: what only PostgreSQL says so.  Lists come as one JSON array, so that a batch of any size is one statement.
-- = ANY (ARRAY(…)): the planner knows that it is a list, and looks each up; of what is joined it thinks as of a table.

-- name: add_all(asked, digests)!
-- Add tokens, each unless its user has `limit` live ones (those before it in the list included), or what it needs is gone:
-- the parent that asked was revoked, the user locked, another password set, or a service is not the customer's.
-- `asked`: rows of 16 values; `digests`: 32 bytes for each.  Whoever calls wants all or none, and counts.
INSERT INTO token (
    id, digest, user_id, customer_id, name, scope, services, created_at, expires_at, role, creator_id, tls_access, limits
)
WITH asked AS MATERIALIZED (
    SELECT value->>0                                              AS id,
           substring(:digests::bytea FROM (32 * nth - 31)::int FOR 32) AS digest,
           value->>1                                              AS user_id,
           value->>2                                              AS customer_id,
           value->>3                                              AS name,
           value->>4                                              AS scope,
           value->>5                                              AS services,
           (value->>6)::bigint                                    AS created_at,
           (value->>7)::bigint                                    AS expires_at,
           value->>8                                              AS role,
           value->>9                                              AS creator_id,
           (value->>10)::boolean                                  AS tls_access,
           (value->>11)::bigint                                   AS most,
           value->>12                                             AS parent_id,
           (value->>13)::bigint                                   AS now,
           value->>14                                             AS proof,
           value->>15                                             AS limits,
           nth
      FROM jsonb_array_elements(:asked::jsonb) WITH ORDINALITY AS a (value, nth)
),
numbered AS (
    SELECT *, row_number() OVER (PARTITION BY user_id ORDER BY nth) AS nth_of_user
      FROM asked
)
SELECT id, digest, user_id, customer_id, name, scope, services, created_at, expires_at, role, creator_id, tls_access, limits
  FROM numbered AS n
 WHERE n.nth_of_user
       + (SELECT count(*) FROM token AS t WHERE t.user_id = n.user_id AND t.revoked_at IS NULL AND t.expires_at IS NULL)
       + (SELECT count(*) FROM token AS t WHERE t.user_id = n.user_id AND t.revoked_at IS NULL AND t.expires_at > n.now)
       <= n.most
   AND (n.parent_id IS NULL OR (SELECT p.revoked_at IS NULL FROM token AS p WHERE p.id = n.parent_id))
   AND (SELECT u.locked OR u.password_hash <> n.proof FROM "user" AS u WHERE u.id = coalesce(n.user_id, n.creator_id)) IS NOT TRUE
   AND (n.services = '[]' OR NOT EXISTS (
           SELECT 1
             FROM jsonb_array_elements_text(n.services::jsonb) AS a (value)
            WHERE (SELECT s.customer_id FROM service AS s WHERE s.id = a.value) IS DISTINCT FROM n.customer_id
       ));

-- name: out_of_reach(ids, customer_id, owner_id)$
-- Those of the ids, as a JSON array, that are not tokens within reach.
SELECT coalesce(json_agg(a.value), '[]')
  FROM jsonb_array_elements_text(:ids::jsonb) AS a (value)
 WHERE (
           SELECT t.customer_id = :customer_id AND (:owner_id::text IS NULL OR t.owner_id = :owner_id)
             FROM token AS t
            WHERE t.id = a.value
       ) IS NOT TRUE;

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
 WHERE id = ANY (ARRAY(SELECT jsonb_array_elements_text(:ids::jsonb)))
   AND revoked_at IS NULL
   AND customer_id || '' = :customer_id
   AND (:owner_id::text IS NULL OR owner_id = :owner_id);

-- name: revoke_all(ids, customer_id, owner_id, now)!
-- End those of the tokens within reach that nobody ended before.
UPDATE token
   SET revoked_at = :now
 WHERE id = ANY (ARRAY(SELECT jsonb_array_elements_text(:ids::jsonb)))
   AND revoked_at IS NULL
   AND customer_id || '' = :customer_id
   AND (:owner_id::text IS NULL OR owner_id = :owner_id);

-- name: move_tokens(ids, id, role)!
-- Make automation tokens of a user's tokens.  They keep all but whom they belong to.
UPDATE token
   SET user_id = NULL,
       role = :role,
       creator_id = :id,
       sudo_until = NULL
 WHERE id = ANY (ARRAY(SELECT jsonb_array_elements_text(:ids::jsonb)))
   AND user_id = :id
   AND revoked_at IS NULL;

-- name: touch(uses)!
-- Note when, from where and by what tokens were last used, unless a newer use is noted.  `uses`: rows of 4, one per id.
WITH uses AS MATERIALIZED (
    SELECT value->>0 AS id, (value->>1)::bigint AS at, value->>2 AS ip, value->>3 AS agent
      FROM jsonb_array_elements(:uses::jsonb) AS u (value)
)
UPDATE token
   SET used_at    = u.at,
       used_ip    = u.ip,
       used_agent = u.agent
  FROM uses AS u
 WHERE token.id = ANY (ARRAY(SELECT id FROM uses))
   AND token.id = u.id
   AND (token.used_at IS NULL OR token.used_at <= u.at);

-- name: live_of_service(id, customer_id, now)
-- The live tokens that are limited to a service, in whatever order the index has them.
SELECT id, created_at
  FROM token
 WHERE customer_id = :customer_id
   AND revoked_at IS NULL
   AND services <> '[]'
   AND (expires_at IS NULL OR expires_at > :now)
   AND services::jsonb @> jsonb_build_array(:id::text);

-- name: are_services(ids, customer_id)$
-- Whether all of the ids are services of this customer: says why an addition was refused.
SELECT NOT EXISTS (
           SELECT 1
             FROM jsonb_array_elements_text(:ids::jsonb) AS a (value)
            WHERE (SELECT s.customer_id FROM service AS s WHERE s.id = a.value) IS DISTINCT FROM :customer_id
       );
