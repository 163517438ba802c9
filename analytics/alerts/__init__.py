"""Alerts: once for each subject in each window, to the feed, to staff by letter, and to webhooks."""

from analytics.alerts.raising import acknowledge, evaluate

__all__ = ["acknowledge", "evaluate"]
