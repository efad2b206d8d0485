-- Finding tokens: pieces, and the statements that are put together from them (finding.py: `{piece}` is replaced by its text).
-- A condition on tokens stands here once, whoever asks for it.  (`!` says no more than that a piece is no SELECT.)

-- name: of_customer(customer_id)!
-- The tokens of a customer that are not revoked.
customer_id = :customer_id AND revoked_at IS NULL

-- name: of_owner(owner_id, customer_id)!
-- The tokens of one owner that are not revoked.
-- || '': the planner must not think of the customer's index, in which it would walk through everybody's tokens.
owner_id = :owner_id AND customer_id || '' = :customer_id AND revoked_at IS NULL

-- The conditions of `core.find.Wanted.matches`, each by the name of its parameter.  Those that are asked for are put together as
-- {wanted}: what is not asked for costs nothing, and does not keep an index from being used.

-- name: if_created_before(created_before)!
-- Created before an instant.
created_at < :created_before

-- name: if_created_after(created_after)!
-- Created then or later.
created_at >= :created_after

-- name: if_used_before(used_before)!
-- Used, and last before an instant.
used_at < :used_before

-- name: if_used_after(used_after)!
-- Last used then or later.
used_at >= :used_after

-- name: if_expires_before(expires_before)!
-- With an end, and that before an instant.
ends_at < :expires_before

-- name: if_unused_since(unused_since)!
-- Neither used nor created then or later.
created_at < :unused_since AND (used_at IS NULL OR used_at < :unused_since)

-- name: if_search(search, folded)!
-- A part of the name, or the whole id.  `folded`: `search` in lower case, ASCII letters only, as lower() does.
(instr(lower(name), :folded) > 0 OR id = :search)

-- name: if_is_of_person(is_of_person)!
-- Of people, or of nobody.
(user_id IS NOT NULL) = :is_of_person

-- name: if_of_person(of_person)!
-- Of one person.  || '': see `of_owner`; it must not be looked for among live tokens, which are in another order.
user_id || '' = :of_person

-- name: if_service_id(service_id, customer_id)!
-- Limited to a service by name.  Among the few that are limited at all: the index of these gives no order, so without a word
-- SQLite would walk through all tokens in the one that does.
id IN (
    SELECT limited.id
      FROM token AS limited INDEXED BY token_limited
     WHERE limited.customer_id = :customer_id
       AND limited.revoked_at IS NULL
       AND limited.services <> '[]'
       AND EXISTS (SELECT 1 FROM json_each(limited.services) WHERE value = :service_id)
)

-- name: if_other_than(other_than)!
-- Not this one.
id <> :other_than

-- name: by_created_at()!
-- The order of the index of a reach.
created_at

-- name: by_last_used_at()!
-- Never used: before all others, as `core.find.NEVER_USED`.  The one order without an index: each use would have to write in it,
-- so all that is wanted is looked at for each page.
coalesce(used_at, -9223372036854775808)

-- name: by_expires_at()!
-- Never expires: after all others, as `core.find.NEVER_EXPIRES`.
ends_at

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
-- A page as one JSON array, in the order and with the columns that rows.py reads.  One step of the driver, however many
-- tokens: it takes the interpreter's lock back after each, which from a busy event loop can last milliseconds.
SELECT json_group_array(json_array(
           id, user_id, customer_id, name, scope, services, created_at, expires_at, sudo_until, used_at, used_ip,
           used_agent, revoked_at, role, creator_id, tls_access, limits
       ))
  FROM (
         SELECT *
           FROM token
          WHERE {within}
            AND {wanted}
            AND {rest}
       ORDER BY {key} {direction}, id {direction}
          LIMIT :size
         OFFSET :skip
       );

-- name: count(most)
-- How many there are in all, or `most`: it looks no further.
SELECT count(*)
  FROM (
         SELECT 1
           FROM token
          WHERE {within}
            AND {wanted}
          LIMIT :most
       );
