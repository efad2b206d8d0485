-- What stands in for a one-time code, each once: digests (hexadecimal), each with a space after it.
ALTER TABLE "user" ADD COLUMN recovery text COLLATE "C" NOT NULL DEFAULT '';
