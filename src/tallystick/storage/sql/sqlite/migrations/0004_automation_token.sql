-- A token may belong to nobody: an automation token has a role of its own.  SQLite cannot take a NOT NULL back, so the table is
-- made anew.

-- `owner_id`: its user, or an automation token itself.  `creator_id`: who made an automation token; they may be gone.
CREATE TABLE token_new (
    id          TEXT    NOT NULL PRIMARY KEY,
    digest      BLOB    NOT NULL UNIQUE CHECK (length(digest) = 32),
    user_id     TEXT,
    customer_id TEXT    NOT NULL REFERENCES customer (id),
    name        TEXT    NOT NULL,
    scope       TEXT    NOT NULL,
    services    TEXT    NOT NULL,
    created_at  INTEGER NOT NULL,
    expires_at  INTEGER,
    sudo_until  INTEGER,
    used_at     INTEGER,
    used_ip     TEXT,
    used_agent  TEXT,
    revoked_at  INTEGER,
    role        TEXT,
    creator_id  TEXT,
    tls_access  INTEGER NOT NULL DEFAULT 0,
    owner_id    TEXT    NOT NULL GENERATED ALWAYS AS (coalesce(user_id, id)) VIRTUAL,
    FOREIGN KEY (user_id, customer_id) REFERENCES "user" (id, customer_id),
    CHECK ((user_id IS NULL) = (role IS NOT NULL))
);

INSERT INTO token_new (
    id, digest, user_id, customer_id, name, scope, services, created_at, expires_at, sudo_until, used_at, used_ip, used_agent,
    revoked_at
)
SELECT id, digest, user_id, customer_id, name, scope, services, created_at, expires_at, sudo_until, used_at, used_ip, used_agent,
       revoked_at
  FROM token;

DROP TABLE token;

ALTER TABLE token_new RENAME TO token;

CREATE INDEX token_of_owner    ON token (owner_id, created_at, id)    WHERE revoked_at IS NULL;
CREATE INDEX token_of_customer ON token (customer_id, created_at, id) WHERE revoked_at IS NULL;

-- How many live tokens has this user?  `revoked_at` is always NULL in it, and there so that the index alone can answer.
CREATE INDEX token_live ON token (user_id, expires_at, revoked_at) WHERE revoked_at IS NULL;

-- Which live tokens are limited to a service?  Few tokens are: without it, everybody's would be taken apart.
CREATE INDEX token_limited ON token (customer_id, id) WHERE revoked_at IS NULL AND services <> '[]';
