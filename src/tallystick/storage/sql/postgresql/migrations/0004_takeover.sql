-- Numbers of changes go on in another range on a server that takes over for another one.  `timeline`: whose range it is, the first
-- part of the name of its log's file; '' = nobody's yet.
ALTER TABLE head ADD COLUMN timeline text COLLATE "C" NOT NULL DEFAULT '';

UPDATE head SET timeline = left(pg_walfile_name(pg_current_wal_lsn()), 8);

-- Which batch of uses each process has had counted last: one that it sends again, because it does not know what became of it, is
-- passed over.  `at`: the newest instant in it.
CREATE TABLE counted (
    writer text COLLATE "C" NOT NULL PRIMARY KEY,
    number bigint NOT NULL,
    at     bigint NOT NULL
) WITH (fillfactor = 50);
