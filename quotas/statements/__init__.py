"""The ledger's SQL: each verb of `quotas` is one statement, so that each is one round trip and atomic.

Locks are taken in one order everywhere: a reservation first, then its buckets by id.
"""

from quotas.statements.credits import EXPIRE_GRANTS, GIVE, REVOKE, ROLL_OVER
from quotas.statements.holding import GROW, RESERVE, RESERVE_WITHIN_OWN_LIMITS
from quotas.statements.limits import OPEN_BUCKETS, USAGE
from quotas.statements.reports import DAILY, MONTHLY, PATTERNS, STATEMENT, TREND
from quotas.statements.rollups import (
    FORGET_EMPTY_ROLLUPS,
    MEND_ROLLUPS,
    ONE_AT_A_TIME,
    ROLLED_SPAN,
    ROLLUPS_THAT_DIFFER,
)
from quotas.statements.settling import CORRECT, EXPIRED, REASSIGN, RENEW, RESOLVE
from quotas.statements.windows import MOVE_TO_PLAN, RESET

__all__ = [
    "CORRECT",
    "DAILY",
    "EXPIRED",
    "EXPIRE_GRANTS",
    "FORGET_EMPTY_ROLLUPS",
    "GIVE",
    "GROW",
    "MEND_ROLLUPS",
    "MONTHLY",
    "MOVE_TO_PLAN",
    "ONE_AT_A_TIME",
    "OPEN_BUCKETS",
    "PATTERNS",
    "REASSIGN",
    "RENEW",
    "RESERVE",
    "RESERVE_WITHIN_OWN_LIMITS",
    "RESET",
    "RESOLVE",
    "REVOKE",
    "ROLLED_SPAN",
    "ROLLUPS_THAT_DIFFER",
    "ROLL_OVER",
    "STATEMENT",
    "TREND",
    "USAGE",
]
