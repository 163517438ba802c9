"""Passwords are hashed slowly on purpose, which is not what most tests are about."""

from __future__ import annotations

from accounts.hashers import Argon2id


class Quick(Argon2id):
    """The same algorithm at the least it can be asked for."""

    time_cost = 1
    memory_cost = 8
