"""The route table: every operation, in one place, with who may pass."""

from typing import Final

from starlette.types import ASGIApp

from tallystick.http import (
    automation,
    automation_shapes,
    batch,
    check,
    events,
    explaining,
    health,
    limiting,
    metrics,
    oauth,
    pages,
    people,
    revocations,
    scopes,
    services,
    shapes,
    tokens,
    usage,
    users,
    verifiers,
    wire,
)
from tallystick.http.asgi import in_front
from tallystick.http.guards import (
    about_itself,
    any_token,
    anyone,
    asked_token,
    client_token,
    ending_itself,
    maybe_token,
    scraper,
)
from tallystick.http.lane import Lane
from tallystick.http.routes import Route, Wiring, nowhere, router
from tallystick.http.rsgi import Front

TOKENS: Final = list[wire.TokenRead]

# One line per operation; the more particular path first, since `self` is no token id.
# fmt: off
ROUTES: Final = (
    Route("POST",   "/tokens",                        maybe_token, tokens.create_token,         wire.CreateToken, wire.TokenCreated, (400, 401, 403, 422)),
    Route("GET",    "/tokens",                        any_token,   tokens.list_tokens_user,     None,             TOKENS,            (401,)),
    Route("DELETE", "/tokens",                        any_token,   tokens.bulk_revoke_tokens,   wire.BulkRevoke,  None,              (400, 401, 403, 404)),
    Route("GET",    "/tokens/self",                   about_itself,  tokens.get_token_current,    None,             wire.TokenRead,    (401,)),
    Route("DELETE", "/tokens/self",                   ending_itself,  tokens.revoke_token_current, None,             None,              (401,)),
    Route("GET",    "/tokens/{token_id}",             any_token,   tokens.get_token,            None,             wire.TokenRead,    (401, 404)),
    Route("GET",    "/tokens/{token_id}/usage",       any_token,   usage.get_token_usage,       None,             usage.TokenUsage,  (400, 401, 404), problems=True, challenges=True),
    Route("GET",    "/tokens/{token_id}/limits",      any_token,   limiting.get_token_limits,   None,             limiting.TokenLimits, (401, 404), problems=True, challenges=True),
    Route("PUT",    "/tokens/{token_id}/limits",      any_token,   limiting.set_token_limits,   limiting.LimitsForm, limiting.TokenLimits, (400, 401, 403, 404, 409, 422), problems=True, challenges=True),
    Route("GET",    "/tokens/{token_id}/shadow",      any_token,   limiting.get_token_shadow,   None,             limiting.Shadow,   (401, 404), problems=True, challenges=True),
    Route("GET",    "/explain/{request_id}",          any_token,   explaining.explain_refusal,  None,             explaining.Explained, (400, 401, 403), problems=True, challenges=True),
    Route("DELETE", "/tokens/{token_id}",             any_token,   tokens.revoke_token,         None,             None,              (401, 403, 404)),
    Route("GET",    "/customer/{customer_id}/tokens", any_token,   tokens.list_tokens_customer, None,             TOKENS,            (401, 403)),
    Route("POST",   "/sudo",                          any_token,   tokens.raise_sudo,           wire.Sudo,        wire.Raised,       (400, 401, 403, 422)),
    Route("GET",    "/current_user",                  any_token,   people.get_current_user,     None,             wire.CurrentUser,  (401, 403)),
    Route("GET",    "/verify",                        about_itself,  people.verify,               None,             wire.Verified,     (401,), challenges=True),
    Route("POST",   "/user",                          any_token,   users.create_user,           shapes.CreateUser, wire.CurrentUser, (400, 401, 403, 409)),
    Route("GET",    "/user/{user_id}",                any_token,   users.get_user,              None,             wire.CurrentUser,  (401, 403, 404)),
    Route("PUT",    "/user/{user_id}",                any_token,   users.update_user,           shapes.ChangeUser, wire.CurrentUser, (400, 401, 403, 404, 409)),
    Route("DELETE", "/user/{user_id}",                any_token,   users.delete_user,           None,             shapes.Done,       (401, 403, 404, 409)),
    Route("POST",   "/current_user/password",         maybe_token, users.update_user_password,  shapes.ChangePassword, wire.CurrentUser, (400, 401, 403, 404, 409)),
    Route("GET",    "/customer/{customer_id}/users",  any_token,   users.list_users,            None,             list[wire.CurrentUser], (401, 403)),
    Route("GET",    "/current_customer",              any_token,   users.get_logged_in_customer, None,            shapes.Customer,   (401, 403)),
    Route("GET",    "/customer/{customer_id}",        any_token,   users.get_customer,          None,             shapes.Customer,   (401, 403)),
    Route("PUT",    "/customer/{customer_id}",        any_token,   users.update_customer,       shapes.Name,      shapes.Customer,   (400, 401, 403)),
    Route("GET",    "/service",                       any_token,   services.list_services,      None,             list[shapes.Service], (400, 401, 403)),
    Route("POST",   "/service",                       any_token,   services.create_service,     shapes.Name,      shapes.Service,    (400, 401, 403)),
    Route("GET",    "/service/search",                any_token,   services.search_service,     None,             shapes.Service,    (400, 401, 403, 404)),
    Route("GET",    "/service/{service_id}/details",  any_token,   services.get_service_detail, None,             shapes.ServiceDetail, (401, 403, 404)),
    Route("GET",    "/service/{service_id}",          any_token,   services.get_service,        None,             shapes.Service,    (401, 403, 404)),
    Route("PUT",    "/service/{service_id}",          any_token,   services.update_service,     shapes.Name,      shapes.Service,    (400, 401, 403, 404)),
    Route("DELETE", "/service/{service_id}",          any_token,   services.delete_service,     None,             shapes.Done,       (401, 403, 404, 409)),
    Route("POST",   "/automation-tokens",             any_token,   automation.create_automation_token, automation_shapes.CreateAutomation, automation_shapes.AutomationCreated, (400, 401, 403, 422), problems=True),
    Route("GET",    "/automation-tokens",             any_token,   automation.list_automation_tokens, None,      automation_shapes.AutomationPage, (400, 401, 403), problems=True),
    Route("GET",    "/automation-tokens/{token_id}",  any_token,   automation.get_automation_token, None,        automation_shapes.AutomationRead, (401, 403, 404), problems=True),
    Route("DELETE", "/automation-tokens/{token_id}",  any_token,   automation.revoke_automation_token, None,     None,              (401, 403, 404), problems=True),
    Route("GET",    "/automation-tokens/{token_id}/services", any_token, automation.get_automation_token_services, None, automation_shapes.ServiceIds, (400, 401, 403, 404), problems=True),
    Route("GET",    "/automation-tokens/{token_id}/workspaces", any_token, automation.get_automation_token_workspaces, None, automation_shapes.Workspaces, (400, 401, 403, 404), problems=True),
    Route("GET",    "/scopes",                        any_token,   scopes.list_scopes,          None,             scopes.Scopes,     (401, 403), problems=True, challenges=True),
    Route("PUT",    "/scopes/{scope_name}",           any_token,   scopes.put_scope,            scopes.ScopeForm, scopes.ScopeShown, (400, 401, 403, 409), problems=True, challenges=True),
    Route("DELETE", "/scopes/{scope_name}",           any_token,   scopes.delete_scope,         None,             None,              (401, 403, 404, 409), problems=True, challenges=True),
    Route("POST",   "/revocations",                   any_token,   revocations.revoke_matching, revocations.RevokeMatching, revocations.Revocation, (400, 401, 403), problems=True, challenges=True),
    Route("GET",    "/revocations/{seq}",             any_token,   revocations.get_receipt,     None,             revocations.Receipt, (401, 404), problems=True, challenges=True),
    Route("GET",    "/events",                        any_token,   events.list_events,          None,             events.Events,     (400, 401, 403), problems=True, challenges=True),
    Route("POST",   "/check/batch",                   any_token,   batch.check_batch,           list[batch.Asked], batch.Batch,       (400, 401, 403, 415), reads=True, problems=True, challenges=True),
    Route("POST",   "/verifiers/{verifier_id}/sync",  any_token,   verifiers.sync_verifier,     verifiers.Sync,   verifiers.Told,    (400, 401, 403, 415, 429, 503), reads=True, problems=True, challenges=True),
    Route("DELETE", "/verifiers/{verifier_id}",       any_token,   verifiers.leave_verifier,    None,             None,              (400, 401, 403), reads=True, problems=True, challenges=True),
    Route("GET",    "/check",                         asked_token, check.check,                 None,             check.Allowed,     (400, 401, 403), problems=True, challenges=True),
    *(Route(method, "/check",                         asked_token, handler,                     None,             check.Allowed,     (400, 401, 403), reads=True, problems=True, challenges=True) for method, handler in check.BY_OTHERS.items()),
    Route("POST",   "/oauth/introspect",              client_token, oauth.introspect,           oauth.Inspected,  oauth.Introspected, (400, 401, 403), problems=True, reads=True, challenges=True),
    Route("POST",   "/oauth/revoke",                  anyone,      oauth.revoke,                oauth.Presented,  oauth.Ended,       (400, 503), problems=True),
    Route("GET",    "/metrics",                       scraper,     metrics.metrics,             None,             None,              (401, 403, 404), media="text/plain"),
    Route("GET",    "/healthz",                       anyone,      health.alive),
    Route("GET",    "/readyz",                        anyone,      health.ready,                None,             None,              (503,)),
    Route("GET",    "/openapi.json",                  anyone,      pages.openapi_document),
    Route("GET",    "/docs",                          anyone,      pages.docs_page,             media="text/html"),
    Route("GET",    "/",                              anyone,      pages.welcome),
)
# fmt: on


def build_app(wiring: Wiring, otherwise: ASGIApp = nowhere) -> ASGIApp:
    """The HTTP side of the service as one ASGI application, without a lifespan of its own.  `otherwise`: for other paths."""
    return in_front(Lane(wiring), router(ROUTES, wiring, otherwise=otherwise))


def build_front(wiring: Wiring, otherwise: ASGIApp = nowhere) -> Front:
    """The same, as Granian takes it."""
    return Front(Lane(wiring), router(ROUTES, wiring, otherwise=otherwise))
