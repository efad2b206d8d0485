"""The figures that docs/performance.md quotes, for anyone to run: `make bench`, or `python -m bench service client`.

    service   creates, self reads, lists, against a no-op on the same server
    client    import, decoding and overhead per call of the Python client, against the official one

Speed is given as a ratio within one run: machines differ, and this one is shared.
"""
