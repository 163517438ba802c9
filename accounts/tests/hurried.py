"""The settings of a product whose rates are so small that a test runs into them."""

from config.tests.settings import *  # noqa: F403

RATES = {
    "any": {"account": 7, "ip": 8},
    "sign-up": {"ip": 3},
    "log-in": {"ip": 4},
    "refresh": {"ip": 5},
    "letter": {"account": 2, "ip": 2},
    "costly": {"account": 3, "ip": 3},
    "count-tokens": {"account": 6},
}
