"""The figures that docs/performance.md quotes, for anyone to run: `make bench`, or `python -m bench service lane client`.

    service   creates, self reads, lists, against a no-op on the same server
    lane      what is answered from memory, and what has to ask the store, with 10,000 and 1,000,000 tokens stored
    client    import, decoding and overhead per call of the Python client, against the official one

Speed is given as a ratio within one run: machines differ, and this one is shared.
"""
