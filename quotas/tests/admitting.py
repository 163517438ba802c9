"""One of several processes that ask for the same allowance: `python -m quotas.tests.admitting EMAIL TIMES AT_ONCE`.

It says "ready", waits for a line, and prints how many of its requests were admitted and how many refused.
"""

import os

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
django.setup()

