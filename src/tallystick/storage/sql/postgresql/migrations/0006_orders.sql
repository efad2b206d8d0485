-- Lists of a customer in the orders that people ask for.  Not by last use: each use would have to write in such an index.
CREATE INDEX token_by_name ON token (customer_id, name, id) WHERE revoked_at IS NULL;
CREATE INDEX token_by_end  ON token (customer_id, coalesce(expires_at, 9223372036854775807), id) WHERE revoked_at IS NULL;
