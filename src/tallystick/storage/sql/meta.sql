-- What is said once about the database as a whole.

-- name: meta(name)$
-- What was said under a name.
SELECT value
  FROM meta
 WHERE name = :name;

-- name: keep_meta(name, value)!
-- Say it, unless something was said before: the first word stands.
INSERT INTO meta (name, value)
VALUES (:name, :value)
ON CONFLICT (name) DO NOTHING;

-- name: try_to_write(now)!
-- A real write to a row of no meaning: does the disk still take one?
INSERT INTO meta (name, value)
VALUES ('last_ready', :now)
ON CONFLICT (name) DO UPDATE SET value = excluded.value;
