"""The console's pages of what is sold, and of money. They register themselves."""

from billing.admin import catalogue as catalogue
from billing.admin import mirror as mirror
from billing.admin import money as money
