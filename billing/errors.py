"""What can go wrong with plans and subscriptions."""


class BillingError(Exception):
    code = "billing_error"


class InvalidCatalogue(BillingError):
    """A catalogue file that cannot be loaded; nothing of it was."""

    code = "invalid_catalogue"


class UnknownPlan(BillingError):
    code = "unknown_plan"
