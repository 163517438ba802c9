"""What letters say: a subject, a text and a page of HTML out of `templates/letters/`, with the links they bring."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.core.mail import EmailMultiAlternatives
from django.template.loader import render_to_string

from accounts import mail_keys
from accounts.models import Letter, User

LONGEST_NAME = 100
INVISIBLE = "\u200b"

# The page a letter leads to, with the key it brings. Keys stand behind the #: no server and no Referer ever sees one.
LINKS: dict[str, Callable[[Letter], str]] = {
    "verify_email": lambda letter: f"verify-email#key={mail_keys.verification(_user(letter), letter.to)}",
    "reset_password": lambda letter: f"reset-password#key={mail_keys.reset(_user(letter))}",
    "invitation": lambda letter: f"invitation#key={mail_keys.make('invitation', letter.context['invitation_id'])}",
    # No key: reading somebody's mail is not enough to take away all they have. The page asks them to sign in.
    "export_ready": lambda letter: "your-data",
}


def written(letter: Letter) -> EmailMultiAlternatives | None:
    """Ready to be sent; None where it turns out that there is nobody to tell.

    Whom an address belongs to is looked up here and not where somebody asked, so that no answer takes longer for one
    that has an account.
    """
    match letter.kind:
        case "reset_password":
            reader = User.objects.by_email(letter.to).filter(is_active=True).first()
            return _message(letter.kind, letter, reader) if reader else None
        case "verify_email":
            return _about_ownership(letter)
    return _message(letter.kind, letter)


def _about_ownership(letter: Letter) -> EmailMultiAlternatives | None:
    owner = User.objects.by_email(letter.to).filter(email_verified_at__isnull=False).first()
    if owner is None or (owner == letter.user and owner.email != letter.to):
        return _message("verify_email", letter)
    return _message("account_exists", letter, owner) if owner != letter.user else None


def _user(letter: Letter) -> User:
    assert letter.user is not None, letter.kind  # noqa: S101
    return letter.user


def _message(kind: str, letter: Letter, reader: User | None = None) -> EmailMultiAlternatives:
    if reader:
        # To the address as its owner wrote it: what the database takes for the same may be another's mailbox.
        letter.user, letter.to = reader, reader.email
    told = {name: _told(name, value) for name, value in letter.context.items()}
    told |= {"site": settings.FRONTEND_URL, "link": _link(kind, letter), "written_at": letter.created_at}
    # The first line of the text is the subject.
    subject, _, text = render_to_string(f"letters/{kind}.txt", told).strip().partition("\n")
    message = EmailMultiAlternatives(subject, text.strip() + "\n", to=[letter.to])
    message.attach_alternative(render_to_string(f"letters/{kind}.html", told | {"subject": subject}), "text/html")
    return message


def _link(kind: str, letter: Letter) -> str | None:
    """One of ours with a key, else where the letter's poster says that it leads."""
    return f"{settings.FRONTEND_URL}/{LINKS[kind](letter)}" if kind in LINKS else letter.context.get("url")


def _told(name: str, value: Any) -> Any:
    """Addresses stand as they are, names as `harmless` has them."""
    return value if name.endswith(("email", "url")) or not isinstance(value, str) else harmless(value)


def harmless(name: str) -> str:
    """What somebody called themselves, told to somebody else: one short line, in which no program sees a link."""
    line = " ".join("".join(letter if letter.isprintable() else " " for letter in name).split())
    shown = line if len(line) <= LONGEST_NAME else line[: LONGEST_NAME - 1] + "…"
    return re.sub(r"(?<=[^\s.])([.:/@])(?=\S)", rf"\1{INVISIBLE}", shown)
