"""How costs grow with the number of tokens, and what several nodes do, on PostgreSQL.

run       all of it: fill, measure, print tables and draw
fill      tokens by the million, by COPY
single    what one operation costs, at one size
nodes     what takes real servers: throughput, memory, what the database is asked
"""
