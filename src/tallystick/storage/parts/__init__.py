"""The parts of the port over any SQL database: what is written and read, whichever it is.

changing     how people and services come, change and go; who asks must still stand
publishing   what a transaction has to tell at its end: events, and the numbers of changes
handover · rule    somebody leaves; many tokens end by one rule
tokens · people · guesses · usage · budgets · events · hearing    the parts of the port

All of it awaits the database (`transaction.py`).  SQLite's writer is a thread without an event loop, where nothing waits;
it carries the same functions out in one go.
"""
