"""News of people, after the commit. Listeners stand above; none can undo what they hear of."""

from django.dispatch import Signal

# user_id; at. They have a workspace of their own by now.
user_signed_up = Signal()

# user_id; way: `console` or `api`.
staff_signed_in = Signal()
