-- Of a server that takes over for another one: see PostgreSQL's.  Here it says nothing, and is kept for who moves there.
ALTER TABLE head ADD COLUMN timeline TEXT NOT NULL DEFAULT '';
