"""The ledger's SQL: each verb of `quotas` is one statement, so that each is one round trip and atomic.

Locks are taken in one order everywhere: a reservation first, then its buckets by id.
"""

from quotas.statements.credits import EXPIRE_GRANTS, GIVE, REVOKE, ROLL_OVER
from quotas.statements.holding import GROW, RESERVE, RESERVE_WITHIN_OWN_LIMITS
from quotas.statements.limits import OPEN_BUCKETS, USAGE
from quotas.statements.reports import STATEMENT
from quotas.statements.settling import CORRECT, EXPIRED, RENEW, RESOLVE
from quotas.statements.windows import MOVE_TO_PLAN, RESET

__all__ = [
    "CORRECT",
    "EXPIRED",
    "EXPIRE_GRANTS",
    "GIVE",
    "GROW",
    "MOVE_TO_PLAN",
    "OPEN_BUCKETS",
    "RENEW",
    "RESERVE",
    "RESERVE_WITHIN_OWN_LIMITS",
    "RESET",
    "RESOLVE",
    "REVOKE",
    "ROLL_OVER",
    "STATEMENT",
    "USAGE",
]
