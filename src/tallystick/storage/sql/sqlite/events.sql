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
