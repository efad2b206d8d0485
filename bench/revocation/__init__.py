"""Once a revocation has been answered, nobody accepts the token: counted, with real processes, while they are harmed.

proof     the run: revoke, harm, count
asking    the processes that ask about tokens again and again
network   what lies between them and the server: it delays, and can be cut
server    a server that can be killed and started again
postgresql  a PostgreSQL that can be harmed, too, and the networks between it and several servers
broken    the rules, broken on purpose, to see that breaking them is found
"""
