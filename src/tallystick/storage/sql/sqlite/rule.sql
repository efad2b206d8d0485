-- Revoking by rule: pieces, as in find.sql, whose condition says of which tokens.

-- name: tell_end(reason, now, by_user_id, by_token_id, ip, user_agent, request_id)!
-- `core.events.revoked` of each, without a trip to Python for each: of 100,000 those would keep the event loop from its
-- turns.  The patch takes out what is NULL.  `redacted`: the function of that name in core/secret.py.  Event ids: 88 random
-- bits, to tell apart what one customer does in one millisecond.
INSERT INTO event (
    customer_id, at, id, action, target_kind, target_id, before, after, reason, user_id, token_id, ip, user_agent, request_id
)
SELECT customer_id,
       :now,
       lower(hex(randomblob(11))),
       'token.revoke',
       'token',
       id,
       json_patch(json_object(), json_object(
           'user_id',    user_id,
           'name',       CASE WHEN instr(name, 'tly_') > 0 THEN redacted(name) ELSE name END,
           'scope',      scope,
           'services',   json(services),
           'created_at', created_at,
           'expires_at', expires_at,
           'sudo_until', sudo_until,
           'role',       role,
           'creator_id', creator_id,
           'tls_access', json(iif(tls_access, 'true', 'false')),
           'limits',     json(limits)
       )),
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
