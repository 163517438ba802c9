"""The console's pages of assistants. They register themselves."""

from assistants.admin import pages as pages
