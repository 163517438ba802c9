"""The console's pages of what is sold, and of money. They register themselves."""

from billing import catalogue_admin as catalogue_admin
from billing import money_admin as money_admin
