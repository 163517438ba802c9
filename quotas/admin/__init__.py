"""The console's pages of the ledger. They register themselves."""

from quotas.admin import credits as credits  # noqa: A004
from quotas.admin.ledger import LedgerAdmin as LedgerAdmin
