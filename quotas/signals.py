"""News of the ledger, after the commit. Listeners stand above; none can undo what they hear of."""

from django.dispatch import Signal

# workspace_id; meter, window; percent: 80 or 100; used, limit.
allowance_reached = Signal()
