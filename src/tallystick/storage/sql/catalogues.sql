-- Scopes that are not built in.

-- name: catalogue(customer_id)^
-- The catalogue that counts for a customer: that of all, if there is one, else their own.
  SELECT customer_id, version, scopes
    FROM catalogue
   WHERE customer_id IN ('', :customer_id)
ORDER BY customer_id
   LIMIT 1;

-- name: catalogues()
-- All of them, that of all first.
  SELECT customer_id, version, scopes
    FROM catalogue
ORDER BY customer_id;

-- name: put_catalogue(customer_id, version, scopes)!
-- Write one, if what it replaces is the version before.
INSERT INTO catalogue (customer_id, version, scopes)
VALUES (:customer_id, :version, :scopes)
ON CONFLICT (customer_id) DO UPDATE
   SET version = excluded.version,
       scopes = excluded.scopes
 WHERE catalogue.version = excluded.version - 1;

-- name: forget_catalogue(customer_id)!
-- Take one away.
DELETE FROM catalogue
 WHERE customer_id = :customer_id;

-- name: live_of_scope(name, customer_id, now)
-- The live tokens of a customer that carry a word, oldest first.  There is no index for it: it is seldom asked.
  SELECT id
    FROM token
   WHERE customer_id = :customer_id
     AND revoked_at IS NULL
     AND (expires_at IS NULL OR expires_at > :now)
     AND replace(' ' || scope || ' ', ' ' || :name || ' ', '') <> ' ' || scope || ' '
ORDER BY created_at, id;
