"""News of billing, after the commit. Listeners stand above; none can undo what they hear of."""

from django.dispatch import Signal

# subscription: its id; plan: the slug the workspace is on now.
subscription_changed = Signal()
