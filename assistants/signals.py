"""What assistants announce, once it is committed."""

from django.dispatch import Signal

job_ended = Signal()
"""With `job_id`, `workspace_id`, `user_id`, `kind` and `state`: a strategy, an operation or a deliverable is at its
end. Listeners are asynchronous: a thread's connection would stay with the thread."""

job_deleted = Signal()
"""With `job_id`, `workspace_id`, `user_id` and `kind`."""

turn_completed = Signal()
"""With `workspace_id`, `user_id`, `model`, `outcome`, `error`, `tokens`, `usage`, which has them by kind, `cost` in
micro-USD, and `first_token_ms`, None where none came: it is settled, however it ended. It is said in the road of the
answer, so whoever listens only makes a note."""

provider_left_alone = Signal()
"""With `provider` and `seconds`: it failed so often that this process asks it no more for so long. Likewise."""
