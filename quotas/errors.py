"""Why work is not admitted. Each error carries what a client needs to go on."""

from __future__ import annotations

from datetime import datetime

from accounts.meters import Meter, Window
from quotas.limits import Limit, tightest


def unit(meter: str) -> str:
    """What a meter counts, in a sentence."""
    return "micro-USD of cost" if meter == Meter.COST else meter


def counted(meter: str, amount: int) -> str:
    """How much of it, in a sentence."""
    named = unit(meter)
    return f"{amount:,} {named.removesuffix('s') if amount == 1 else named}"


def during(window: str) -> str:
    """Over which time, in a sentence."""
    return " in all" if window == Window.LIFETIME else f" a {window}"


class QuotaError(Exception):
    code = "quota_error"


class QuotaExceeded(QuotaError):
    """A hard limit has no room for this work. `violated` names each such limit; `request_id` finds the decision."""

    code = "quota_exceeded"

    def __init__(self, request_id: str, plan: str, limits: list[Limit]) -> None:
        self.request_id = request_id
        self.plan = plan
        self.limits = limits
        self.violated = [limit for limit in limits if limit.refuses]
        super().__init__(f"{' '.join(map(self._sentence, self.violated))} Why: /api/v1/quotas/decisions/{request_id}")

    @property
    def resets_at(self) -> datetime | None:
        """When every limit that refused has begun anew; None where one never does."""
        ends = [limit.resets_at for limit in self.violated]
        return max(end for end in ends if end) if all(ends) else None

    @property
    def passes(self) -> bool:
        """True: only work under way stands in the way, so the same request may be admitted before `resets_at`."""
        return all(limit.hold <= limit.limit - limit.used + limit.credits for limit in self.violated)

    @property
    def tightest(self) -> Limit:
        """Of the limits that refused, the one to name first."""
        first = self.violated[0]
        return tightest(limit for limit in self.violated if limit.meter == first.meter) or first

    @property
    def upgrade_helps(self) -> bool:
        """False: a limit of the key or the member stands in the way, which no plan changes."""
        return all(limit.holder == "workspace" for limit in self.violated)

    def _sentence(self, limit: Limit) -> str:
        whose = {"member": "Your membership", "key": "This API key"}.get(limit.holder, f"Your {self.plan} plan")
        held = f" and {limit.reserved:,} are held by work under way" if limit.reserved else ""
        beside = f" with credits {limit.room:,}" if limit.credits else ""
        resets = f"It resets at {limit.resets_at:%Y-%m-%dT%H:%M:%SZ}." if limit.resets_at else "It never resets."
        return (
            f"{whose} allows {limit.limit:,} {unit(limit.meter)}{during(limit.window)}: {limit.used:,} are used{held}, "
            f"{limit.remaining:,} remain{beside}, and this request needs {limit.hold:,}. {resets}"
        )


class TooFast(QuotaError):
    """The requests that the plan allows a minute are made: nothing was held, and there is no decision to read."""

    code = "rate_limited"

    def __init__(self, limit: Limit, *, retry_after: int) -> None:
        self.limit = limit
        self.retry_after = retry_after
        super().__init__(f"Your plan allows {limit.limit:,} requests a minute. Try again in {retry_after} s.")


class ModelNotInPlan(QuotaError):
    code = "model_not_in_plan"

    def __init__(self, model: str, plan: str) -> None:
        super().__init__(f"The {plan} plan does not include the model {model}.")


class ModelNotAllowed(QuotaError):
    """The API key names the models it is for, and this is none of them."""

    code = "model_not_allowed"

    def __init__(self, model: str | None) -> None:
        super().__init__(f"This API key may not use {f'the model {model}' if model else 'any model of the plan'}.")


class PromotionUnknown(QuotaError):
    code = "promotion_unknown"

    def __init__(self, promotion: str) -> None:
        super().__init__(f"The code {promotion} does not exist, or can no longer be redeemed.")


class PromotionUsed(QuotaError):
    code = "promotion_used"

    def __init__(self, promotion: str) -> None:
        super().__init__(f"The code {promotion} was redeemed for this workspace before.")


class NotThisPack(QuotaError):
    """A top-up of one meter with a pack of another."""

    code = "pack_of_another_meter"

    def __init__(self, pack: str, meter: str) -> None:
        super().__init__(f"The pack {pack} is not of {meter}.")


class ResetNotAllowed(QuotaError):
    """What is used was delivered, and stays used until its window ends."""

    code = "reset_not_allowed"

    def __init__(self) -> None:
        super().__init__("Only staff can reset what is used.")
