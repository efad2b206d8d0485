-- Lists of a customer in the orders that people ask for.  Not by last use: each use would have to write in such an index.

-- When it ends; what never ends does so after all others.
ALTER TABLE token ADD COLUMN ends_at INTEGER NOT NULL GENERATED ALWAYS AS (coalesce(expires_at, 9223372036854775807)) VIRTUAL;

-- The name is in each: to look for a part of it takes no look at the tokens themselves.  Where several would do SQLite takes the
-- last one that was made.
CREATE INDEX token_by_end  ON token (customer_id, ends_at, id, name) WHERE revoked_at IS NULL;
CREATE INDEX token_by_name ON token (customer_id, name, id)          WHERE revoked_at IS NULL;

DROP INDEX token_of_customer;
CREATE INDEX token_of_customer ON token (customer_id, created_at, id, name) WHERE revoked_at IS NULL;
