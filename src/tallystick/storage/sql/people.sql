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
  SELECT id, customer_id, login, name, role, totp_sealed IS NOT NULL, created_at, updated_at
    FROM "user"
ORDER BY created_at, id;

-- name: users_of_customer(customer_id)
-- A customer's users, oldest first.
  SELECT id, customer_id, login, name, role, totp_sealed IS NOT NULL, created_at, updated_at
    FROM "user"
   WHERE customer_id = :customer_id
ORDER BY created_at, id;

-- name: user(id)^
-- One user by id.
SELECT id, customer_id, login, name, role, totp_sealed IS NOT NULL, created_at, updated_at
  FROM "user"
 WHERE id = :id;

-- name: credentials(login_key)^
-- One user by login, together with what proves that it is them.
SELECT id, customer_id, login, name, role, totp_sealed IS NOT NULL, created_at, updated_at, password_hash, totp_sealed
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

-- name: set_password(id, password_hash, replacing, now)!
-- Replace a password's hash; with `replacing`, only if nobody replaced it meanwhile.
UPDATE "user"
   SET password_hash = :password_hash,
       updated_at = :now
 WHERE id = :id
   AND (:replacing IS NULL OR password_hash = :replacing);

-- name: set_totp(id, sealed, now)!
-- Set or take away the one-time secret.  Steps that were used belonged to the old one.
UPDATE "user"
   SET totp_sealed = :sealed,
       totp_step = NULL,
       updated_at = :now
 WHERE id = :id;

-- name: use_totp_step(id, step)!
-- Mark a time step as used, unless it or a later one was used before.
UPDATE "user"
   SET totp_step = :step
 WHERE id = :id
   AND (totp_step IS NULL OR totp_step < :step);
