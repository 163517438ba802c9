"""The console's pages of people, workspaces and records. They show and filter; their buttons call our verbs."""

from accounts.admin import people, records, workspaces  # noqa: F401  # they register themselves
from accounts.admin.base import DiscreetAdmin, ReadOnlyAdmin, RecordedAdmin, staff_of
from accounts.factors import admin as factors  # noqa: F401

__all__ = ["DiscreetAdmin", "ReadOnlyAdmin", "RecordedAdmin", "staff_of"]
