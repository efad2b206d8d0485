-- What a token is limited to beyond scope, services and expiry, as JSON (core/limits.py); NULL = nothing.
ALTER TABLE token ADD COLUMN limits text COLLATE "C";

-- How often a token was used that is limited to a number of uses.
CREATE TABLE token_use (
    token_id text   COLLATE "C" NOT NULL PRIMARY KEY,
    count    bigint NOT NULL
);

-- What limits that only report would have refused.  `detail`: what was asked; `ip`, `user_agent`: by whom, the last time.
CREATE TABLE shadow (
    token_id   text   COLLATE "C" NOT NULL,
    kind       text   COLLATE "C" NOT NULL,
    detail     text   COLLATE "C" NOT NULL,
    count      bigint NOT NULL,
    first_at   bigint NOT NULL,
    last_at    bigint NOT NULL,
    ip         text   COLLATE "C",
    user_agent text   COLLATE "C",
    PRIMARY KEY (token_id, kind, detail)
);

-- How often a token was refused by its own limits.
ALTER TABLE usage ADD COLUMN limited bigint NOT NULL DEFAULT 0;
