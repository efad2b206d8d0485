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
