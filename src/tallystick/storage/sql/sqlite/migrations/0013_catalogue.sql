-- The scopes that are not built in, a row for each customer who has some; '' is for all of them, and counts in place of theirs.
-- `scopes`: a JSON array, by name.
CREATE TABLE catalogue (
    customer_id TEXT    NOT NULL PRIMARY KEY,
    version     INTEGER NOT NULL,
    scopes      TEXT    NOT NULL
) WITHOUT ROWID;
