-- Write budgets: what only SQLite says so.

-- name: spend_all(asked)
-- So many more writes for each key in an hour, and how many that makes.  `asked`: rows of 3, one per hour and key, as JSON.
-- (Without WHERE the parser takes ON for a join.)
INSERT INTO write_budget (hour, key, count)
SELECT json_extract(value, '$[0]'), json_extract(value, '$[1]'), json_extract(value, '$[2]')
  FROM json_each(:asked)
 WHERE true
ON CONFLICT (hour, key) DO UPDATE SET count = write_budget.count + excluded.count
RETURNING hour, key, count;
