"""SQLite: one file, one machine, any number of worker processes.

connection   how a file is opened, and what its errors mean to us
setup        create it, bring it up to date, keep what is said once about it (no event loop needed)
writer       the one thread that writes, and commits whatever has queued up together
reader       reads, straight on the event loop
finder       what may look at all tokens or events, in a thread of its own
session      the three of them as the parts of the port (storage/parts) ask for them
store        all of it together
"""
