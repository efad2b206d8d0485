"""A standby takes over under load: nothing that was acknowledged is lost, and it is soon over.  Counted, with real servers.

proof     the rounds: harm the primary, promote, count, bring up another standby
pair      a primary and its synchronous standby
managed   the same with Patroni, which promotes by itself
hosts     where they run: on this machine as it is, or each behind a network that can be cut
load      tokens are created, revoked and asked about meanwhile
"""
