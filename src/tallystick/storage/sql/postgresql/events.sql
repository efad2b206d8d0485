-- Who did what: what only PostgreSQL says so.

-- name: add_events(events)!
-- Add events.  `events`: rows of 14 values, as one JSON array.
INSERT INTO event (
    customer_id, at, id, action, target_kind, target_id, before, after, reason, user_id, token_id, ip, user_agent, request_id
)
SELECT value->>0,
       (value->>1)::bigint,
       value->>2,
       value->>3,
       value->>4,
       value->>5,
       value->>6,
       value->>7,
       value->>8,
       value->>9,
       value->>10,
       value->>11,
       value->>12,
       value->>13
  FROM jsonb_array_elements(:events::jsonb) AS events (value);

-- name: events_of_customer(customer_id, user_id, token_id, request_id, action, since, at, after_id, size)
-- A customer's events that match, the newest first, after (at, id), in the order of columns that rows.py reads.  As one JSON
-- array.
SELECT coalesce(json_agg(json_build_array(
           customer_id, at, id, action, target_kind, target_id, before, after, reason, user_id, token_id, ip, user_agent,
           request_id
       ) ORDER BY at DESC, id DESC), '[]')
  FROM (
         SELECT *
           FROM event
          WHERE customer_id = :customer_id
            AND (:user_id::text IS NULL OR user_id = :user_id)
            AND (:token_id::text IS NULL OR token_id = :token_id)
            AND (:request_id::text IS NULL OR request_id = :request_id)
            AND (:action::text IS NULL OR action = :action OR starts_with(action, :action || '.'))
            AND at >= :since
            AND (at, id) < (:at, :after_id)
       ORDER BY at DESC, id DESC
          LIMIT :size
       ) AS found;

-- name: events_of_target(customer_id, user_id, token_id, target_id, request_id, action, since, at, after_id, size)
-- The same, of one target.
-- || '': the planner must not think of the customer's key, in which it would walk through everything.
SELECT coalesce(json_agg(json_build_array(
           customer_id, at, id, action, target_kind, target_id, before, after, reason, user_id, token_id, ip, user_agent,
           request_id
       ) ORDER BY at DESC, id DESC), '[]')
  FROM (
         SELECT *
           FROM event
          WHERE target_id = :target_id
            AND customer_id || '' = :customer_id
            AND (:user_id::text IS NULL OR user_id = :user_id)
            AND (:token_id::text IS NULL OR token_id = :token_id)
            AND (:request_id::text IS NULL OR request_id = :request_id)
            AND (:action::text IS NULL OR action = :action OR starts_with(action, :action || '.'))
            AND at >= :since
            AND (at, id) < (:at, :after_id)
       ORDER BY at DESC, id DESC
          LIMIT :size
       ) AS found;
