-- People and services come, change and go.

-- A locked user is refused, with all their tokens, until somebody unlocks them.
ALTER TABLE "user" ADD COLUMN locked INTEGER NOT NULL DEFAULT 0;

-- Which live tokens are limited to a service?  Few tokens are: without it, everybody's would be taken apart.
CREATE INDEX token_limited ON token (customer_id, id) WHERE revoked_at IS NULL AND services <> '[]';
