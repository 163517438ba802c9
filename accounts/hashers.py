"""How passwords are kept."""

from __future__ import annotations

from django.contrib.auth.hashers import Argon2PasswordHasher


class Argon2id(Argon2PasswordHasher):
    """With OWASP's parameters for a server: 19 MiB, two passes, one lane.

    Django's own take 100 MiB and eight threads for every hash, so that twenty log-ins at once would take 2 GB and the
    processors from everybody else. Passwords that were kept with those still fit.
    """

    time_cost = 2
    memory_cost = 19_456
    parallelism = 1
