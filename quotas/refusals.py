"""That work was refused is announced where nothing more is tried for it: we may count anew, and ask again."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from accounts.callers import Caller
from quotas.errors import QuotaExceeded
from quotas.signals import quota_exceeded


@contextmanager
def announced(caller: Caller) -> Iterator[None]:
    """Announce the `QuotaExceeded` that comes out of it, and let it go on its way."""
    try:
        yield
    except QuotaExceeded as exc:
        quota_exceeded.send_robust(
            QuotaExceeded,
            workspace_id=caller.workspace_id,
            user_id=caller.user_id,
            request_id=exc.request_id,
            plan=exc.plan,
            meters=sorted({str(limit.meter) for limit in exc.violated}),
        )
        raise
