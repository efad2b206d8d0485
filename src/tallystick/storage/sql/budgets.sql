-- Write budgets: what every dialect says alike.

-- name: forget_hours(before)!
-- Drop the hours that began before that instant.
DELETE FROM write_budget
 WHERE hour < :before;
