-- The scopes that are not built in, a row for each customer who has some; '' is for all of them, and counts in place of theirs.
-- `scopes`: a JSON array, by name.
CREATE TABLE catalogue (
    customer_id text COLLATE "C" NOT NULL PRIMARY KEY,
    version     bigint NOT NULL,
    scopes      text COLLATE "C" NOT NULL
);
