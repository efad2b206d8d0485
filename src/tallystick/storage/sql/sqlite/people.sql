-- Customers, users and services: what only SQLite says so.  Ids come as one JSON array.

-- name: known_services(customer_id, ids)
-- Those of the ids that are services of this customer.
SELECT id
  FROM service
 WHERE id IN (SELECT value FROM json_each(:ids))
   AND customer_id = :customer_id;
