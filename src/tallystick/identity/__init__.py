"""Who is asking, proven: passwords, one-time codes, and how guessing them is slowed.

    keys       the master key of the key file, and what is derived from it
    password   hash, verify, and refuse what anybody would guess
    totp       one-time codes (RFC 6238): enrol, check
    guess      how long a guesser waits, and when an authenticator is locked
    proof      the whole question: is this login really asking?

Computation only, like the core; the slow part (Argon2id) is run by whoever calls, off the event loop.
"""
