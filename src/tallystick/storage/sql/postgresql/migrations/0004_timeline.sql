-- Numbers of changes go on in another range on a server that takes over for another one.  `timeline`: whose range it is, the first
-- part of the name of its log's file; '' = nobody's yet.
ALTER TABLE head ADD COLUMN timeline text COLLATE "C" NOT NULL DEFAULT '';

UPDATE head SET timeline = left(pg_walfile_name(pg_current_wal_lsn()), 8);
