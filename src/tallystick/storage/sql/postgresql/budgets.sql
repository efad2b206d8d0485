-- Write budgets: what only PostgreSQL says so.

-- name: spend_all(asked)
-- So many more writes for each key in an hour, and how many that makes.  `asked`: rows of 3, one per hour and key, as JSON.
-- (In order, so that two who spend of the same purses never wait for each other.)
INSERT INTO write_budget (hour, key, count)
SELECT (value->>0)::bigint, value->>1, (value->>2)::bigint
  FROM jsonb_array_elements(:asked::jsonb) AS asked (value)
 ORDER BY 1, 2
ON CONFLICT (hour, key) DO UPDATE SET count = write_budget.count + excluded.count
RETURNING hour, key, count;
