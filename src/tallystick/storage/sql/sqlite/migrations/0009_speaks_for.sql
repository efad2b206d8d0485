-- For how many verifiers inside other programs a process answers, which holds a lease: they are in its receipts.
ALTER TABLE verifier ADD COLUMN speaks_for INTEGER NOT NULL DEFAULT 0;
