"""Tokens in front of an API of your own, in the framework that it is written in.

    _gate       which paths need what, the secret of a request, what a refused one is told  | no I/O
    _guard      the same with a verifier, for threads and for asyncio
    asgi, wsgi  a middleware for any program of that kind; no framework
    fastapi     a dependency, which its OpenAPI document shows
    flask       an extension, with decorators
    django, drf a middleware; an authentication class and permissions

Needs what the client needs.  Each framework is imported by its own module only: docs/frameworks.md.
"""

from tallystick.integrations._gate import Need

__all__ = ["Need"]
