-- Customers, users and services: what only PostgreSQL says so.  Ids come as one JSON array.

-- name: known_services(customer_id, ids)
-- Those of the ids that are services of this customer.
SELECT id
  FROM service
 WHERE id = ANY (ARRAY(SELECT jsonb_array_elements_text(:ids::jsonb)))
   AND customer_id = :customer_id;
