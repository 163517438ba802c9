"""News of the ledger, after the commit. Listeners stand above; none can undo what they hear of."""

from django.dispatch import Signal

# workspace_id; meter, window; percent: 80 or 100; used, limit; at.
allowance_reached = Signal()

# workspace_id, user_id; request_id, by which the decision is found; plan; meters: those that had no room. It is said in
# the road of the request, so whoever listens only makes a note.
quota_exceeded = Signal()

# state: settled, released, expired, or corrected where a result came after expiry; basis: what the charge rests on,
# blank where nothing was charged. Likewise.
work_resolved = Signal()
