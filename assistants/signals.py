"""What assistants announce, once it is committed."""

from django.dispatch import Signal

job_ended = Signal()
"""With `job_id`, `workspace_id`, `kind` and `state`: a strategy, an operation or a deliverable is at its end."""
