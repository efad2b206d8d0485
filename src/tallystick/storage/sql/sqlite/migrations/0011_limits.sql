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
