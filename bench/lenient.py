"""The product's settings with its guards out of the way: a measurement tries more passwords than anybody may."""

from config.settings import *  # noqa: F403
from config.settings import GUARDS

GUARDS = {purpose: (10_000_000, window) for purpose, (_, window) in GUARDS.items()}
