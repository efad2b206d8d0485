-- Customers, users and services: what every dialect says alike.  Columns are in the order that rows.py reads.

-- name: add_customer(id, name, created_at)!
-- A new customer.  The primary key refuses an id that is taken.
INSERT INTO customer (id, name, created_at)
VALUES (:id, :name, :created_at);

-- name: add_user(id, customer_id, login, login_key, name, role, created_at, updated_at, password_hash)!
-- A new user, without a one-time secret.  Keys refuse an id or login that is taken, and a customer that is not there.
INSERT INTO "user" (id, customer_id, login, login_key, name, role, created_at, updated_at, password_hash)
VALUES (:id, :customer_id, :login, :login_key, :name, :role, :created_at, :updated_at, :password_hash);

-- name: add_service(id, customer_id, name, created_at)!
-- A new service.  Keys refuse an id that is taken, and a customer that is not there.
INSERT INTO service (id, customer_id, name, created_at)
VALUES (:id, :customer_id, :name, :created_at);

-- name: customers()
-- All customers, oldest first.
  SELECT id, name, created_at
    FROM customer
ORDER BY created_at, id;

-- name: customer(id)^
-- One customer by id.
SELECT id, name, created_at
  FROM customer
 WHERE id = :id;

-- name: users()
-- All users, oldest first.
  SELECT id, customer_id, login, name, role, totp_sealed IS NOT NULL, created_at, updated_at, locked
    FROM "user"
ORDER BY created_at, id;

-- name: users_of_customer(customer_id)
-- A customer's users, oldest first.
  SELECT id, customer_id, login, name, role, totp_sealed IS NOT NULL, created_at, updated_at, locked
    FROM "user"
   WHERE customer_id = :customer_id
ORDER BY created_at, id;

-- name: user(id)^
-- One user by id.
SELECT id, customer_id, login, name, role, totp_sealed IS NOT NULL, created_at, updated_at, locked
  FROM "user"
 WHERE id = :id;

-- name: credentials(login_key)^
-- One user by login, together with what proves that it is them.
SELECT id,
       customer_id,
       login,
       name,
       role,
       totp_sealed IS NOT NULL,
       created_at,
       updated_at,
       locked,
       password_hash,
       totp_sealed
  FROM "user"
 WHERE login_key = :login_key;

-- name: services()
-- All services, oldest first.
  SELECT id, customer_id, name, created_at
    FROM service
ORDER BY created_at, id;

-- name: services_of_customer(customer_id)
-- A customer's services, oldest first.
  SELECT id, customer_id, name, created_at
    FROM service
   WHERE customer_id = :customer_id
ORDER BY created_at, id;

-- name: service(id)^
-- One service by id.
SELECT id, customer_id, name, created_at
  FROM service
 WHERE id = :id;

-- name: rename_customer(id, name)!
-- A new name.
UPDATE customer
   SET name = :name
 WHERE id = :id;

-- name: rename_service(id, customer_id, name)!
-- A new name.
UPDATE service
   SET name = :name
 WHERE id = :id
   AND customer_id = :customer_id;

-- name: change_user(id, customer_id, login, login_key, name, role, locked, seen, now)!
-- Change what is not null, unless the last superuser who is not locked would be none any more.  A key refuses a taken login.
-- With `seen` only if the user was changed last at that instant.
UPDATE "user"
   SET login      = coalesce(:login, login),
       login_key  = coalesce(:login_key, login_key),
       name       = coalesce(:name, name),
       role       = coalesce(:role, role),
       locked     = coalesce(:locked, locked),
       updated_at = :now
 WHERE id = :id
   AND customer_id = :customer_id
   AND (updated_at = :seen OR :seen IS NULL)
   AND (role <> 'superuser'
        OR locked
        OR (coalesce(:role, role) = 'superuser' AND NOT coalesce(:locked, locked))
        OR EXISTS (
               SELECT 1
                 FROM "user" AS other
                WHERE other.customer_id = :customer_id
                  AND other.id <> :id
                  AND other.role = 'superuser'
                  AND NOT other.locked
           ));

-- name: is_last_superuser(id, customer_id)$
-- Whether nobody else in the customer is a superuser who is not locked: NULL for an id that the customer does not have.
SELECT role = 'superuser'
       AND NOT locked
       AND NOT EXISTS (
               SELECT 1
                 FROM "user" AS other
                WHERE other.customer_id = :customer_id
                  AND other.id <> :id
                  AND other.role = 'superuser'
                  AND NOT other.locked
           )
  FROM "user"
 WHERE id = :id
   AND customer_id = :customer_id;

-- name: remove_user(id)!
-- Delete one user, whose tokens have gone before.
DELETE FROM "user"
 WHERE id = :id;

-- name: remove_service(id)!
-- Delete one service, to which no live token is limited.
DELETE FROM service
 WHERE id = :id;

-- name: set_password(id, password_hash, replacing, now)!
-- Replace a password's hash; with `replacing`, only if nobody replaced it meanwhile.
UPDATE "user"
   SET password_hash = :password_hash,
       updated_at = :now
 WHERE id = :id
   AND (password_hash = :replacing OR :replacing IS NULL);

-- name: renew_hash(id, password_hash, replacing)!
-- Keep the same password with newer parameters, unless somebody replaced it meanwhile.
UPDATE "user"
   SET password_hash = :password_hash
 WHERE id = :id
   AND password_hash = :replacing;

-- name: set_totp(id, sealed, first, now)!
-- Set or take away the one-time secret; with first = 1 only where there is none.  Steps that were used, and recovery codes,
-- belonged to the old one.
UPDATE "user"
   SET totp_sealed = :sealed,
       totp_step = NULL,
       recovery = '',
       updated_at = :now
 WHERE id = :id
   AND (totp_sealed IS NULL OR :first = 0);

-- name: use_totp_step(id, step)!
-- Mark a time step as used, unless it or a later one was used before.
UPDATE "user"
   SET totp_step = :step
 WHERE id = :id
   AND (totp_step IS NULL OR totp_step < :step);

-- name: set_recovery(id, digests, seen, now)!
-- Replace the recovery codes of somebody with two factors: digests, each with a space after it.  With `seen` only if the user
-- was changed last at that instant.
UPDATE "user"
   SET recovery = :digests,
       updated_at = :now
 WHERE id = :id
   AND totp_sealed IS NOT NULL
   AND (updated_at = :seen OR :seen IS NULL);

-- name: use_recovery(id, digest)!
-- Take one recovery code away, with the space after it, if it is there.
UPDATE "user"
   SET recovery = replace(recovery, :digest, '')
 WHERE id = :id
   AND recovery LIKE '%' || :digest || '%';

-- name: recovery(id)^
-- The recovery codes that somebody has left.
SELECT recovery
  FROM "user"
 WHERE id = :id;
