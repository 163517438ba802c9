"""A Stripe on loopback, in a process of its own: localstripe, with what today's API has and it has not.

`python -m billing.tests.localstripe PORT`. Whatever is added here is ours to believe or not; that the calls are right
by Stripe's own types is mypy's word, and whether Stripe does as we think is for `test_against_stripe.py`.
"""
