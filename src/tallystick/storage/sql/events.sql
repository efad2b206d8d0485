-- Who did what: what every dialect says alike.  The columns are in the order that rows.py reads.

-- name: events_of_customer(customer_id, user_id, token_id, request_id, action, since, until, at, after_id, size)
-- A customer's events that match, the newest first, after (at, id).
  SELECT customer_id,
         at,
         id,
         action,
         target_kind,
         target_id,
         before,
         after,
         reason,
         user_id,
         token_id,
         ip,
         user_agent,
         request_id
    FROM event
   WHERE customer_id = :customer_id
     AND (:user_id IS NULL OR user_id = :user_id)
     AND (:token_id IS NULL OR token_id = :token_id)
     AND (:request_id IS NULL OR request_id = :request_id)
     AND (:action IS NULL OR action = :action OR substr(action, 1, length(:action) + 1) = :action || '.')
     AND (:since IS NULL OR at >= :since)
     AND (:until IS NULL OR at < :until)
     AND (at, id) < (:at, :after_id)
ORDER BY at DESC, id DESC
   LIMIT :size;

-- name: events_of_target(customer_id, user_id, token_id, target_id, request_id, action, since, until, at, after_id, size)
-- The same, of one target.
-- || '': the planner must not think of the customer's key, in which it would walk through everything.
  SELECT customer_id,
         at,
         id,
         action,
         target_kind,
         target_id,
         before,
         after,
         reason,
         user_id,
         token_id,
         ip,
         user_agent,
         request_id
    FROM event
   WHERE target_id = :target_id
     AND customer_id || '' = :customer_id
     AND (:user_id IS NULL OR user_id = :user_id)
     AND (:token_id IS NULL OR token_id = :token_id)
     AND (:request_id IS NULL OR request_id = :request_id)
     AND (:action IS NULL OR action = :action OR substr(action, 1, length(:action) + 1) = :action || '.')
     AND (:since IS NULL OR at >= :since)
     AND (:until IS NULL OR at < :until)
     AND (at, id) < (:at, :after_id)
ORDER BY at DESC, id DESC
   LIMIT :size;
