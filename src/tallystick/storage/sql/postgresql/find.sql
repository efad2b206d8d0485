-- Finding tokens: pieces, and the statements that are put together from them (finding.py: `{piece}` is replaced by its text).
-- A condition on tokens stands here once, whoever asks for it.  (`!` says no more than that a piece is no SELECT.)

-- name: of_customer(customer_id)!
-- The tokens of a customer that are not revoked.
customer_id = :customer_id AND revoked_at IS NULL

-- name: of_owner(owner_id, customer_id)!
-- The tokens of one owner that are not revoked.
-- || '': the planner must not think of the customer's index, in which it would walk through everybody's tokens.
owner_id = :owner_id AND customer_id || '' = :customer_id AND revoked_at IS NULL

-- name: wanted(created_before, created_after, used_before, used_after, expires_before, unused_since, search, folded, is_of_person, of_person, service_id, other_than)!
-- `core.find.Wanted.matches`: what is NULL asks for nothing.  `folded`: `search` in lower case, ASCII letters only, as lower()
-- does for names, which are COLLATE "C".
    (:created_before::bigint IS NULL OR created_at < :created_before)
AND (:created_after::bigint IS NULL OR created_at >= :created_after)
AND (:used_before::bigint IS NULL OR used_at < :used_before)
AND (:used_after::bigint IS NULL OR used_at >= :used_after)
AND (:expires_before::bigint IS NULL OR expires_at < :expires_before)
AND (:unused_since::bigint IS NULL OR (created_at < :unused_since AND (used_at IS NULL OR used_at < :unused_since)))
AND (:search::text IS NULL OR strpos(lower(name), :folded) > 0 OR id = :search)
AND (:is_of_person::boolean IS NULL OR (user_id IS NOT NULL) = :is_of_person)
AND (:of_person::text IS NULL OR user_id = :of_person)
AND (:service_id::text IS NULL OR (services <> '[]' AND services::jsonb @> jsonb_build_array(:service_id::text)))
AND (:other_than::text IS NULL OR id <> :other_than)

-- name: by_created_at()!
-- The only order that an index has: of the others all that is wanted is looked at for each page.
created_at

-- name: by_last_used_at()!
-- Never used: before all others, as `core.find.NEVER_USED`.
coalesce(used_at, (-9223372036854775808)::bigint)

-- name: by_expires_at()!
-- Never expires: after all others, as `core.find.NEVER_EXPIRES`.
coalesce(expires_at, 9223372036854775807)

-- name: by_name()!
-- By its bytes.
name

-- name: from_the_start()!
-- Everything comes after no place.
true

-- name: past(value, id)!
-- What comes after a place in a list that is sorted by `{key}`.
({key}, id) {past} (:value, :id)

-- name: page(size, skip)
-- A page as one JSON array, in the order and with the columns that rows.py reads.
SELECT coalesce(json_agg(json_build_array(
           id, user_id, customer_id, name, scope, services, created_at, expires_at, sudo_until, used_at, used_ip,
           used_agent, revoked_at, role, creator_id, tls_access, limits
       ) ORDER BY {key} {direction}, id {direction}), '[]')
  FROM (
         SELECT *
           FROM token
          WHERE {within}
            AND {wanted}
            AND {rest}
       ORDER BY {key} {direction}, id {direction}
          LIMIT :size
         OFFSET :skip
       ) AS found;

-- name: count()
-- How many there are in all.
SELECT count(*)
  FROM token
 WHERE {within}
   AND {wanted};
