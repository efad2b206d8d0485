-- Every instant is an integer: milliseconds since the epoch, UTC.  Ids are text, made by us.
-- COLLATE "C": text sorts by its bytes, which is also how Python and SQLite sort it, whatever the database's own collation is.

-- What is said once about the database as a whole, such as which key file belongs to it.
CREATE TABLE meta (
    name  text COLLATE "C" NOT NULL PRIMARY KEY,
    value text COLLATE "C" NOT NULL
);

CREATE TABLE customer (
    id         text COLLATE "C" NOT NULL PRIMARY KEY,
    name       text COLLATE "C" NOT NULL,
    created_at bigint NOT NULL
);

-- `login_key` is the login without case: what is unique and looked up.  `totp_sealed` present = two-factor is on.  A locked user
-- is refused, with all their tokens, until somebody unlocks them.
-- (id, customer_id) is unique so that a token can refer to both: its customer is its user's, always.
CREATE TABLE "user" (
    id            text COLLATE "C" NOT NULL PRIMARY KEY,
    customer_id   text COLLATE "C" NOT NULL REFERENCES customer (id),
    login         text COLLATE "C" NOT NULL,
    login_key     text COLLATE "C" NOT NULL UNIQUE,
    name          text COLLATE "C" NOT NULL,
    role          text COLLATE "C" NOT NULL,
    created_at    bigint NOT NULL,
    updated_at    bigint NOT NULL,
    password_hash text COLLATE "C" NOT NULL,
    totp_sealed   bytea,
    totp_step     bigint,
    locked        boolean NOT NULL DEFAULT false,
    UNIQUE (id, customer_id)
);

CREATE INDEX user_of_customer ON "user" (customer_id, created_at, id);

CREATE TABLE service (
    id          text COLLATE "C" NOT NULL PRIMARY KEY,
    customer_id text COLLATE "C" NOT NULL REFERENCES customer (id),
    name        text COLLATE "C" NOT NULL,
    created_at  bigint NOT NULL
);

CREATE INDEX service_of_customer ON service (customer_id, created_at, id);

-- `services`: a JSON array of ids in the order asked for, [] = all.  A revoked token stays, outside of the indexes below.
-- `owner_id`: its user, or an automation token itself.  `creator_id`: who made an automation token; they may be gone.
-- fillfactor: a use is noted on the page where the token is, which touches no index.
CREATE TABLE token (
    id          text COLLATE "C" NOT NULL PRIMARY KEY,
    digest      bytea NOT NULL UNIQUE CHECK (octet_length(digest) = 32),
    user_id     text COLLATE "C",
    customer_id text COLLATE "C" NOT NULL REFERENCES customer (id),
    name        text COLLATE "C" NOT NULL,
    scope       text COLLATE "C" NOT NULL,
    services    text COLLATE "C" NOT NULL,
    created_at  bigint NOT NULL,
    expires_at  bigint,
    sudo_until  bigint,
    used_at     bigint,
    used_ip     text COLLATE "C",
    used_agent  text COLLATE "C",
    revoked_at  bigint,
    role        text COLLATE "C",
    creator_id  text COLLATE "C",
    tls_access  boolean NOT NULL DEFAULT false,
    owner_id    text COLLATE "C" NOT NULL GENERATED ALWAYS AS (coalesce(user_id, id)) STORED,
    FOREIGN KEY (user_id, customer_id) REFERENCES "user" (id, customer_id),
    CHECK ((user_id IS NULL) = (role IS NOT NULL))
) WITH (fillfactor = 90);

CREATE INDEX token_of_owner    ON token (owner_id, created_at, id)    WHERE revoked_at IS NULL;
CREATE INDEX token_of_customer ON token (customer_id, created_at, id) WHERE revoked_at IS NULL;

-- How many live tokens has this user?  `revoked_at` is always NULL in it, and there so that the index alone can answer.
CREATE INDEX token_live ON token (user_id, expires_at, revoked_at) WHERE revoked_at IS NULL;

-- Which live tokens are limited to a service?  Few tokens are: without it, everybody's would be taken apart.
CREATE INDEX token_limited ON token (customer_id, id) WHERE revoked_at IS NULL AND services <> '[]';

-- Failed guesses in a row, by an opaque key.
CREATE TABLE guess (
    key     text COLLATE "C" NOT NULL PRIMARY KEY,
    count   bigint NOT NULL,
    last_at bigint NOT NULL
);

-- How many writes somebody has asked for in an hour.  `hour`: when it began; `key`: the id of whoever writes.
-- The hour comes first, so that those that are over are one range.
CREATE TABLE write_budget (
    hour  bigint NOT NULL,
    key   text COLLATE "C" NOT NULL,
    count bigint NOT NULL,
    PRIMARY KEY (hour, key)
) WITH (fillfactor = 50);

-- Who did what.  Kept by customer and time, which is how it is read; it refers to nothing, since it outlives what it tells of.
-- `before`, `after`: JSON objects, or NULL where there was or is nothing.
CREATE TABLE event (
    customer_id text COLLATE "C" NOT NULL,
    at          bigint NOT NULL,
    id          text COLLATE "C" NOT NULL,
    action      text COLLATE "C" NOT NULL,
    target_kind text COLLATE "C" NOT NULL,
    target_id   text COLLATE "C" NOT NULL,
    before      text COLLATE "C",
    after       text COLLATE "C",
    reason      text COLLATE "C",
    user_id     text COLLATE "C",
    token_id    text COLLATE "C",
    ip          text COLLATE "C",
    user_agent  text COLLATE "C",
    request_id  text COLLATE "C",
    PRIMARY KEY (customer_id, at, id)
);

CREATE INDEX event_of_target ON event (target_id, at, id);

-- The number of the newest change: counted in the transaction that makes it, so that numbers are in the order of commits.
-- (An identity column would be in the order in which transactions asked: one that took 1 may commit after one that took 2, and
-- who has read up to 2 never sees it.)
CREATE TABLE head (
    one integer NOT NULL PRIMARY KEY CHECK (one = 1),
    seq bigint NOT NULL
) WITH (fillfactor = 10);

INSERT INTO head (one, seq) VALUES (1, 0);

-- What those who answer from memory must forget.  `kind`: token, user, customer; `key`: the id of it.
CREATE TABLE change (
    seq        bigint NOT NULL,
    kind       text COLLATE "C" NOT NULL,
    key        text COLLATE "C" NOT NULL,
    at         bigint NOT NULL,
    request_id text COLLATE "C",
    PRIMARY KEY (seq, kind, key)
);

-- Who answers from memory.  `lease_until`: by the server's clock, ms since the epoch; `boot`: which server's, since which start.
CREATE TABLE verifier (
    id          text COLLATE "C" NOT NULL PRIMARY KEY,
    boot        text COLLATE "C" NOT NULL,
    acked       bigint NOT NULL,
    lease_until bigint NOT NULL
) WITH (fillfactor = 50);

-- What is kept of a change for whoever asks again: for longer than what followers need.  `changes`: a JSON array of [kind, key],
-- of `count` in all.  `heard_at`, `verifiers`, `waited_ms`: noted a little after everybody has heard, NULL until then.
CREATE TABLE receipt (
    seq         bigint NOT NULL PRIMARY KEY,
    customer_id text COLLATE "C" NOT NULL,
    at          bigint NOT NULL,
    user_id     text COLLATE "C",
    token_id    text COLLATE "C",
    request_id  text COLLATE "C",
    count       bigint NOT NULL,
    changes     text COLLATE "C" NOT NULL,
    heard_at    bigint,
    verifiers   bigint,
    waited_ms   bigint
);

-- Which of them are old?
CREATE INDEX receipt_at ON receipt (at);

-- How often each token was presented in an hour, and what became of it.  `hour`: when it began.  Kept while the token is there,
-- 90 days at most; where it is not there, nothing was counted.
CREATE TABLE usage (
    token_id text COLLATE "C" NOT NULL,
    hour     bigint NOT NULL,
    allowed  bigint NOT NULL,
    expired  bigint NOT NULL,
    revoked  bigint NOT NULL,
    locked   bigint NOT NULL,
    scope    bigint NOT NULL,
    service  bigint NOT NULL,
    PRIMARY KEY (token_id, hour)
) WITH (fillfactor = 80);

-- Which hours are old?  Hours are written one after the other, so a few bytes for each stretch of the table tell.
CREATE INDEX usage_of_hour ON usage USING brin (hour);
