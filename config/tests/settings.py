"""The product's settings, with passwords that are hashed quickly; its processes in tests have them too."""

from config.settings import *  # noqa: F403

PASSWORD_HASHERS = ["accounts.tests.hashing.Quick"]
