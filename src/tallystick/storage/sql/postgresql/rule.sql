-- Revoking by rule: pieces, as in find.sql, whose condition says of which tokens.

-- name: tell_end(reason, now, by_user_id, by_token_id, ip, user_agent, request_id)!
-- `core.events.revoked` of each, without a trip to Python for each.  What is NULL is taken out.  The secrets that somebody put
-- into a name are taken out as `redacted` in core/secret.py does.  Event ids: 82 random bits, to tell apart what one customer
-- does in one millisecond.
INSERT INTO event (
    customer_id, at, id, action, target_kind, target_id, before, after, reason, user_id, token_id, ip, user_agent, request_id
)
SELECT customer_id,
       :now::bigint,
       left(replace(gen_random_uuid()::text, '-', ''), 22),
       'token.revoke',
       'token',
       id,
       json_strip_nulls(json_build_object(
           'user_id',    user_id,
           'name',       CASE WHEN strpos(name, 'tly_') > 0
                              THEN regexp_replace(name, 'tly_[0-9A-Za-z]{{38}}', 'tly_…', 'g')
                              ELSE name
                         END,
           'scope',      scope,
           'services',   services::json,
           'created_at', created_at,
           'expires_at', expires_at,
           'sudo_until', sudo_until,
           'role',       role,
           'creator_id', creator_id,
           'tls_access', tls_access,
           'limits',     limits::jsonb
       ))::text,
       NULL,
       :reason,
       :by_user_id,
       :by_token_id,
       :ip,
       :user_agent,
       :request_id
  FROM token
 WHERE {within}
   AND {wanted};

-- name: end(now)!
-- End them.
UPDATE token
   SET revoked_at = :now
 WHERE {within}
   AND {wanted};
