"""What happens to a token, read from top to bottom.

    1 secret    a secret is minted, and turned into the digest that we keep
    2 token     the record, and what may be said of it at an instant
    3 scope     what it allows
    4 caller    who is asking, and what follows from it
    5 issue     may this caller have this token?  Then: the record to the store, the secret to the caller, once
    6 verify    is this secret good, right now?
    7 use       when, from where and by what it was last used: kept in memory, written in batches
    8 revoke    who may end what: itself, one, many

`sudo` stands beside them: a token raised for five minutes, which is what issuing another one takes.  So do
`budget`, how many writes somebody may make in an hour, `find`, which tokens of a list are wanted and in what order, and
`events`, which tells who did what.  `verifier` and `known` are what a process remembers of all this, `changes` what it must forget, and
`receipt` the proof that everybody has, which can be read again (`receipts`).

Nothing here does I/O: time, randomness and the store (`ports`) are arguments.  What can go wrong is in `errors`.
"""
