"""What stands in somebody's mailbox, once the letters that are due have gone."""

from __future__ import annotations

import re

from django.core import mail
from django.core.mail import EmailMultiAlternatives
from django.utils.timezone import now

from accounts import letters


def mails_to(address: str) -> list[EmailMultiAlternatives]:
    """Oldest first."""
    while letters.send_next(now()):
        pass
    return [sent for sent in mail.outbox if sent.to == [address] and isinstance(sent, EmailMultiAlternatives)]


def key_in(message: EmailMultiAlternatives) -> str:
    """Of the link in its text."""
    [key] = re.findall(r"#key=(\S+)", str(message.body))
    return str(key)
