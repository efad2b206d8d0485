"""PostgreSQL: a server, any number of nodes.

target       which database an URL names, and how it is to be used
connection   how a server is reached, and what its errors mean to us
setup        bring a database up to date, keep what is said once about it (no event loop needed)
pool         connections: opened, lent, replaced
knowing      which server's answer counts
statement    the statements in PostgreSQL's form
session      reading, and a transaction, as the parts of the port (storage/parts) ask for them
writer       what has queued up of one kind is one transaction; which locks it takes
listener     hears that something was written
changes      leases by the server's clock
tokens       look-ups, in a copy first
store        all of it together
house        the whole database, to be moved
"""
