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
