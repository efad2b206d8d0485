"""How it is asked: Fastly's Tokens API on the wire, over the core.

Start at `app.ROUTES`.  A request goes through `routes` (dispatch, guard, errors) to one short function in `tokens`,
`people` or `pages`, which speaks to the core; `wire` holds Fastly's shapes, `times` its ways to write an instant.
"""
