-- Of a server that takes over for another one: see PostgreSQL's.  Here it says nothing, and is kept for who moves there.
ALTER TABLE head ADD COLUMN timeline TEXT NOT NULL DEFAULT '';

-- Which batch of uses each process has had counted last: one that it sends again, because it does not know what became of it, is
-- passed over.  `at`: the newest instant in it.
CREATE TABLE counted (
    writer TEXT    NOT NULL PRIMARY KEY,
    number INTEGER NOT NULL,
    at     INTEGER NOT NULL
) WITHOUT ROWID;
