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
