"""Forgetting a person: where their webhooks lead may tell who they are. Events name nobody, and stay."""

from __future__ import annotations

from accounts.erasure import Leaver
from analytics.models import Ticket, Webhook


def take_out(leaver: Leaver) -> dict[str, int]:
    webhooks = Webhook.objects.filter(workspace__in=leaver.workspace_ids)
    tickets = Ticket.objects.filter(user=leaver.user_id)
    list(webhooks.select_for_update())  # Before their deliveries, as whoever notes what became of one.
    counts = {"webhooks": webhooks.count(), "tickets": tickets.count()}
    webhooks.delete()
    tickets.delete()
    return counts
