"""The console: pages on which people look after their tokens, and superusers after their customer's.

Start at `app.PAGES`.  A page is a route like those of the API (`http/routes.py`), with a guard that takes the session from a
cookie; its handler asks the core what the API's handler for the same thing asks.  No rule stands here.
"""
