-- Who did what: what only SQLite says so.

-- name: add_events(events)!
-- Add events.  `events`: rows of 14 values, as one JSON array.
INSERT INTO event (
    customer_id, at, id, action, target_kind, target_id, before, after, reason, user_id, token_id, ip, user_agent, request_id
)
SELECT json_extract(value, '$[0]'),
       json_extract(value, '$[1]'),
       json_extract(value, '$[2]'),
       json_extract(value, '$[3]'),
       json_extract(value, '$[4]'),
       json_extract(value, '$[5]'),
       json_extract(value, '$[6]'),
       json_extract(value, '$[7]'),
       json_extract(value, '$[8]'),
       json_extract(value, '$[9]'),
       json_extract(value, '$[10]'),
       json_extract(value, '$[11]'),
       json_extract(value, '$[12]'),
       json_extract(value, '$[13]')
  FROM json_each(:events);

-- name: events_of_customer(customer_id, user_id, token_id, request_id, action, since, at, after_id, size)
-- A customer's events that match, the newest first, after (at, id), in the order of columns that rows.py reads.  As one JSON
-- array, so that it is one step of the driver: it takes the interpreter's lock back after each, and a busy event loop lets
-- go of it every five milliseconds only.
SELECT json_group_array(json_array(
           customer_id, at, id, action, target_kind, target_id, before, after, reason, user_id, token_id, ip, user_agent,
           request_id
       ))
  FROM (
         SELECT *
           FROM event
          WHERE customer_id = :customer_id
            AND (:user_id IS NULL OR user_id = :user_id)
            AND (:token_id IS NULL OR token_id = :token_id)
            AND (:request_id IS NULL OR request_id = :request_id)
            AND (:action IS NULL OR action = :action OR substr(action, 1, length(:action) + 1) = :action || '.')
            AND at >= :since
            AND (at, id) < (:at, :after_id)
       ORDER BY at DESC, id DESC
          LIMIT :size
       );

-- name: events_of_target(customer_id, user_id, token_id, target_id, request_id, action, since, at, after_id, size)
-- The same, of one target.
-- || '': the planner must not think of the customer's key, in which it would walk through everything.
SELECT json_group_array(json_array(
           customer_id, at, id, action, target_kind, target_id, before, after, reason, user_id, token_id, ip, user_agent,
           request_id
       ))
  FROM (
         SELECT *
           FROM event
          WHERE target_id = :target_id
            AND customer_id || '' = :customer_id
            AND (:user_id IS NULL OR user_id = :user_id)
            AND (:token_id IS NULL OR token_id = :token_id)
            AND (:request_id IS NULL OR request_id = :request_id)
            AND (:action IS NULL OR action = :action OR substr(action, 1, length(:action) + 1) = :action || '.')
            AND at >= :since
            AND (at, id) < (:at, :after_id)
       ORDER BY at DESC, id DESC
          LIMIT :size
       );
