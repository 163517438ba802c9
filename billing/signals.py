"""News of billing, after the commit. Listeners stand above; none can undo what they hear of."""

from django.dispatch import Signal

# subscription: its id, None where staff took it away; workspace_id; plan: the slug the workspace is
# on now; status, cancel_at_period_end and next_plan of the subscription; at.
subscription_changed = Signal()

# purchase: its id; at. The money is there; what it gives is granted above, once, however often this is said.
pack_paid = Signal()

# purchase: its id. More of it was paid back than before; the purchase says how much.
pack_refunded = Signal()

# invoice: its id; workspace_id; amount in minor units of currency; simulated: no money moved; at.
payment_received = Signal()
