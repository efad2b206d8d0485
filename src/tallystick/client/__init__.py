"""The same, from far away: the operations over HTTP, for a Tallystick server or for Fastly.

    _tokens, …  what each operation sends, and how its answer is read     | no I/O
    _line       ask one server, as one token                              | no I/O
    _sudo       what only a token in sudo may ask for                     | no I/O
    _pages      lists that come page by page                              | no I/O
    _flow       one exchange as a value, and when it may be repeated      | no I/O
    _target     where to, and as whom: the only reader of the environment | no I/O
    _verify     what a verifier remembers, asks and follows               | no I/O
    _token_file a token that is handed over in a file
    filters     what lists can be narrowed to
    limits      what a token can be limited to
    models      what the answers say
    errors      what the refusals say
    sync, aio   carry it out, over httpx2

Needs httpx2 and msgspec, and of this package only `core.errors` and `core.secret`.  The names for everybody are in `tallystick`.
"""
