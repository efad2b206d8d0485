-- A database as version 14 of the schema left it, with something in every table.  Never changed: it has to open for ever.
-- (Times are those of tests/core/world.py; the tables are those of migrations 1 to 14, word for word.)
PRAGMA application_id = 0x544C536B;

CREATE TABLE migration (
    number     INTEGER NOT NULL PRIMARY KEY,
    name       TEXT    NOT NULL,
    applied_at INTEGER NOT NULL
);

INSERT INTO migration VALUES (1, '0001_init', 1770091506789), (2, '0002_people', 1770091506789),
    (3, '0003_write_budget', 1770091506789),
    (4, '0004_automation_token', 1770091506789),
    (5, '0005_event', 1770091506789),
    (6, '0006_change', 1770091506789),
    (7, '0007_receipt', 1770091506789),
    (8, '0008_usage', 1770091506789),
    (9, '0009_speaks_for', 1770091506789),
    (10, '0010_recovery', 1770091506789),
    (11, '0011_limits', 1770091506789),
    (12, '0012_takeover', 1770091506789),
    (13, '0013_catalogue', 1770091506789),
    (14, '0014_orders', 1770091506789);

CREATE TABLE meta (
    name  TEXT NOT NULL PRIMARY KEY,
    value TEXT NOT NULL
);

CREATE TABLE customer (
    id         TEXT    NOT NULL PRIMARY KEY,
    name       TEXT    NOT NULL,
    created_at INTEGER NOT NULL
);

-- `login_key` is the login without case: what is unique and looked up.  `totp_sealed` present = two-factor is on.
-- (id, customer_id) is unique so that a token can refer to both: its customer is its user's, always.
CREATE TABLE "user" (
    id            TEXT    NOT NULL PRIMARY KEY,
    customer_id   TEXT    NOT NULL REFERENCES customer (id),
    login         TEXT    NOT NULL,
    login_key     TEXT    NOT NULL UNIQUE,
    name          TEXT    NOT NULL,
    role          TEXT    NOT NULL,
    created_at    INTEGER NOT NULL,
    updated_at    INTEGER NOT NULL,
    password_hash TEXT    NOT NULL,
    totp_sealed   BLOB,
    totp_step     INTEGER,
    UNIQUE (id, customer_id)
);

CREATE INDEX user_of_customer ON "user" (customer_id, created_at, id);

CREATE TABLE service (
    id          TEXT    NOT NULL PRIMARY KEY,
    customer_id TEXT    NOT NULL REFERENCES customer (id),
    name        TEXT    NOT NULL,
    created_at  INTEGER NOT NULL
);

CREATE INDEX service_of_customer ON service (customer_id, created_at, id);

-- `services`: a JSON array of ids in the order asked for, [] = all.  A revoked token stays, outside of the three indexes below.
CREATE TABLE token (
    id          TEXT    NOT NULL PRIMARY KEY,
    digest      BLOB    NOT NULL UNIQUE CHECK (length(digest) = 32),
    user_id     TEXT    NOT NULL,
    customer_id TEXT    NOT NULL,
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
    FOREIGN KEY (user_id, customer_id) REFERENCES "user" (id, customer_id)
);

CREATE INDEX token_of_user     ON token (user_id, created_at, id)     WHERE revoked_at IS NULL;
CREATE INDEX token_of_customer ON token (customer_id, created_at, id) WHERE revoked_at IS NULL;

-- How many live tokens has this user?  `revoked_at` is always NULL in it, and there so that the index alone can answer.
CREATE INDEX token_live ON token (user_id, expires_at, revoked_at) WHERE revoked_at IS NULL;

-- Failed guesses in a row, by an opaque key.
CREATE TABLE guess (
    key     TEXT    NOT NULL PRIMARY KEY,
    count   INTEGER NOT NULL,
    last_at INTEGER NOT NULL
);

INSERT INTO meta VALUES ('key_fingerprint', 'f1f2f3f4');

INSERT INTO customer VALUES ('cAcme', 'Acme', 1770005106789);

INSERT INTO "user" VALUES
    ('uRoot', 'cAcme', 'Root@Example.com', 'root@example.com', 'Root', 'superuser', 1, 2, '$argon2id$root', x'00FF', 56),
    ('uAnna', 'cAcme', 'anna@example.com', 'anna@example.com', 'Anna', 'user',      1, 2, '$argon2id$anna', NULL,    NULL);

INSERT INTO service VALUES ('sShop', 'cAcme', 'shop', 1770005106789);

INSERT INTO token VALUES
    ('tPlain',   x'0000000000000000000000000000000000000000000000000000000000000001',
     'uAnna', 'cAcme', 'plain',   'global',                 '[]',        1, NULL, NULL, NULL, NULL,        NULL,     NULL),
    ('tFull',    x'0000000000000000000000000000000000000000000000000000000000000002',
     'uRoot', 'cAcme', 'full',    'global:read purge_all',  '["sShop"]', 2, 9,    8,    7,    '192.0.2.1', 'curl/8', NULL),
    ('tRevoked', x'0000000000000000000000000000000000000000000000000000000000000003',
     'uAnna', 'cAcme', 'revoked', 'global',                 '[]',        3, NULL, NULL, NULL, NULL,        NULL,     4);

INSERT INTO guess VALUES ('somebody', 3, 1770091506789);

-- People and services come, change and go.

-- A locked user is refused, with all their tokens, until somebody unlocks them.
ALTER TABLE "user" ADD COLUMN locked INTEGER NOT NULL DEFAULT 0;

-- Which live tokens are limited to a service?  Few tokens are: without it, everybody's would be taken apart.
CREATE INDEX token_limited ON token (customer_id, id) WHERE revoked_at IS NULL AND services <> '[]';

UPDATE "user" SET locked = 1 WHERE id = 'uAnna';

-- How many writes somebody has asked for in an hour.  `hour`: when it began; `key`: the id of whoever writes.
-- The hour comes first, so that those that are over are one range.
CREATE TABLE write_budget (
    hour  INTEGER NOT NULL,
    key   TEXT    NOT NULL,
    count INTEGER NOT NULL,
    PRIMARY KEY (hour, key)
) WITHOUT ROWID;

INSERT INTO write_budget VALUES (1770091200000, 'uAnna', 7);

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

INSERT INTO token (id, digest, customer_id, name, scope, services, created_at, role, creator_id, tls_access)
VALUES ('tMachine', zeroblob(32), 'cAcme', 'ci', 'global', '[]', 1770005106789, 'engineer', 'uRoot', 1);

-- Who did what.  Kept by customer and time, which is how it is read; it refers to nothing, since it outlives what it tells of.
-- `before`, `after`: JSON objects, or NULL where there was or is nothing.
CREATE TABLE event (
    customer_id TEXT    NOT NULL,
    at          INTEGER NOT NULL,
    id          TEXT    NOT NULL,
    action      TEXT    NOT NULL,
    target_kind TEXT    NOT NULL,
    target_id   TEXT    NOT NULL,
    before      TEXT,
    after       TEXT,
    reason      TEXT,
    user_id     TEXT,
    token_id    TEXT,
    ip          TEXT,
    user_agent  TEXT,
    request_id  TEXT,
    PRIMARY KEY (customer_id, at, id)
) WITHOUT ROWID;

CREATE INDEX event_of_target ON event (target_id, at, id);

INSERT INTO event (customer_id, at, id, action, target_kind, target_id, after, user_id)
VALUES ('cAcme', 1770091506789, 'eFirst', 'service.create', 'service', 'sShop', '{"name":"shop"}', 'uRoot');

-- The number of the newest change: counted in the transaction that makes it, so that numbers are in the order of commits.
CREATE TABLE head (
    one INTEGER NOT NULL PRIMARY KEY CHECK (one = 1),
    seq INTEGER NOT NULL
);

INSERT INTO head (one, seq) VALUES (1, 0);

-- What those who answer from memory must forget.  `kind`: token, user, customer; `key`: the id of it.
CREATE TABLE change (
    seq        INTEGER NOT NULL,
    kind       TEXT    NOT NULL,
    key        TEXT    NOT NULL,
    at         INTEGER NOT NULL,
    request_id TEXT,
    PRIMARY KEY (seq, kind, key)
) WITHOUT ROWID;

-- Who answers from memory.  `lease_until`: by this machine's clock that counts from its start; `boot`: which start that was.
CREATE TABLE verifier (
    id          TEXT    NOT NULL PRIMARY KEY,
    boot        TEXT    NOT NULL,
    acked       INTEGER NOT NULL,
    lease_until INTEGER NOT NULL
) WITHOUT ROWID;

UPDATE head SET seq = 7;

INSERT INTO change VALUES (7, 'token', 'tMain', 1770091506789, 'request-1');

INSERT INTO verifier VALUES ('vOld', 'another start', 7, 5000);

-- What is kept of a change for whoever asks again: for longer than what followers need.  `changes`: a JSON array of [kind, key],
-- of `count` in all.  `heard_at`, `verifiers`, `waited_ms`: noted a little after everybody has heard, NULL until then.
CREATE TABLE receipt (
    seq         INTEGER NOT NULL PRIMARY KEY,
    customer_id TEXT    NOT NULL,
    at          INTEGER NOT NULL,
    user_id     TEXT,
    token_id    TEXT,
    request_id  TEXT,
    count       INTEGER NOT NULL,
    changes     TEXT    NOT NULL,
    heard_at    INTEGER,
    verifiers   INTEGER,
    waited_ms   INTEGER
);

-- Which of them are old?
CREATE INDEX receipt_at ON receipt (at);

INSERT INTO receipt VALUES
    (7, 'cAcme', 1770091506789, 'uRoot', 'tFull', 'request-1', 1, '[["token","tMain"]]', 1770091506795, 2, 6);

-- How often each token was presented in an hour, and what became of it.  `hour`: when it began.  Kept while the token is there,
-- 90 days at most; where it is not there, nothing was counted.
CREATE TABLE usage (
    token_id TEXT    NOT NULL,
    hour     INTEGER NOT NULL,
    allowed  INTEGER NOT NULL,
    expired  INTEGER NOT NULL,
    revoked  INTEGER NOT NULL,
    locked   INTEGER NOT NULL,
    scope    INTEGER NOT NULL,
    service  INTEGER NOT NULL,
    PRIMARY KEY (token_id, hour)
) WITHOUT ROWID;

INSERT INTO usage VALUES ('tFull', 1770091200000, 1, 2, 3, 4, 5, 6);

-- For how many verifiers inside other programs a process answers, which holds a lease: they are in its receipts.
ALTER TABLE verifier ADD COLUMN speaks_for INTEGER NOT NULL DEFAULT 0;

-- What stands in for a one-time code, each once: digests (hexadecimal), each with a space after it.
ALTER TABLE "user" ADD COLUMN recovery TEXT NOT NULL DEFAULT '';

UPDATE "user" SET recovery = 'aa bb ' WHERE id = 'uRoot';

-- What a token is limited to beyond scope, services and expiry, as JSON (core/limits.py); NULL = nothing.
ALTER TABLE token ADD COLUMN limits TEXT;

-- How often a token was used that is limited to a number of uses.
CREATE TABLE token_use (
    token_id TEXT    NOT NULL PRIMARY KEY,
    count    INTEGER NOT NULL
) WITHOUT ROWID;

-- What limits that only report would have refused.  `detail`: what was asked; `ip`, `user_agent`: by whom, the last time.
CREATE TABLE shadow (
    token_id   TEXT    NOT NULL,
    kind       TEXT    NOT NULL,
    detail     TEXT    NOT NULL,
    count      INTEGER NOT NULL,
    first_at   INTEGER NOT NULL,
    last_at    INTEGER NOT NULL,
    ip         TEXT,
    user_agent TEXT,
    PRIMARY KEY (token_id, kind, detail)
) WITHOUT ROWID;

-- How often a token was refused by its own limits.
ALTER TABLE usage ADD COLUMN limited INTEGER NOT NULL DEFAULT 0;

UPDATE token SET limits = '{"networks":["192.0.2.0/24"],"uses":3,"shadow":["networks"]}' WHERE id = 'tFull';

UPDATE usage SET limited = 7;

INSERT INTO token_use VALUES ('tFull', 2);

INSERT INTO shadow VALUES ('tFull', 'networks', '198.51.100.7', 4, 1770091206789, 1770091306789, '198.51.100.7', 'curl/8');

-- Of a server that takes over for another one: see PostgreSQL's.  Here it says nothing, and is kept for who moves there.
ALTER TABLE head ADD COLUMN timeline TEXT NOT NULL DEFAULT '';

-- Which batch of uses each process has had counted last: one that it sends again, because it does not know what became of it, is
-- passed over.  `at`: the newest instant in it.
CREATE TABLE counted (
    writer TEXT    NOT NULL PRIMARY KEY,
    number INTEGER NOT NULL,
    at     INTEGER NOT NULL
) WITHOUT ROWID;

INSERT INTO counted VALUES ('w', 1, 1770091506789);

-- The scopes that are not built in, a row for each customer who has some; '' is for all of them, and counts in place of theirs.
-- `scopes`: a JSON array, by name.
CREATE TABLE catalogue (
    customer_id TEXT    NOT NULL PRIMARY KEY,
    version     INTEGER NOT NULL,
    scopes      TEXT    NOT NULL
) WITHOUT ROWID;

INSERT INTO catalogue VALUES ('cAcme0000000000000000A', 1, '[{"name":"orders:read","description":"","includes":[],"roles":["user"]}]');

-- When it ends; what never ends does so after all others.
ALTER TABLE token ADD COLUMN ends_at INTEGER NOT NULL GENERATED ALWAYS AS (coalesce(expires_at, 9223372036854775807)) VIRTUAL;

-- The name is in each: to look for a part of it takes no look at the tokens themselves.  Where several would do SQLite takes the
-- last one that was made.
CREATE INDEX token_by_end  ON token (customer_id, ends_at, id, name) WHERE revoked_at IS NULL;
CREATE INDEX token_by_name ON token (customer_id, name, id)          WHERE revoked_at IS NULL;

DROP INDEX token_of_customer;
CREATE INDEX token_of_customer ON token (customer_id, created_at, id, name) WHERE revoked_at IS NULL;
