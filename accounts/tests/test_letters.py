"""Letters go once, after the commit, whatever becomes of the broker, the mail server or the worker."""

from __future__ import annotations

import json
import socket
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from smtplib import SMTPRecipientsRefused, SMTPServerDisconnected
from typing import Any
from uuid import uuid4

import pytest
from celery import Celery, current_app
from django.conf import settings as ours
from django.core import mail
from django.core.mail import EmailMultiAlternatives
from django.core.mail.backends.base import BaseEmailBackend
from django.db import connection, transaction
from django.utils.timezone import now
from pytest_django import Settings

from accounts import jobs, letter_texts, letters, mail_keys, outage, tasks
from accounts.audit import SYSTEM
from accounts.errors import KeyRefused
from accounts.models import Letter
from accounts.tests.factories import Person
from accounts.tests.mailbox import key_in, mails_to

TEMPLATES = Path(ours.BASE_DIR) / "templates" / "letters"
HOSTILE = "Eve\r\nBcc: victim@example.com\n\n<script>alert(1)</script> http://evil.example/ \u202egnp & " + "x" * 200
BILL = {"number": "DEMO-1", "amount": 2900, "currency": "USD", "url": "https://pay.example/1", "simulated": True}
CONTEXTS: dict[str, dict[str, Any]] = {
    "email_changed": {"new_email": "new@example.com"},
    "second_factor_added": {"factor": "Authenticator app"},
    "second_factor_removed": {"factor": "Authenticator app"},
    "invitation": {"invitation_id": "1", "workspace": HOSTILE, "by_email": "bob@example.com", "role": "viewer"},
    "payment_failed": {**BILL, "next_attempt_at": "2027-01-02T00:00:00Z"},
    "payment_recovered": BILL,
    "downgraded": {"plan": "Team"},
    "top_up_paused": {"pack": "100,000 tokens", "amount": 500, "currency": "USD", "why": "The card was declined."},
    "trial_will_end": {"plan": "Team", "ends_at": "2027-01-02T00:00:00Z"},
}
ALLOWANCE = {
    "meter": "tokens",
    "unit": "tokens",
    "during": " a day",
    "used": "8,000",
    "limit": "10,000",
    "beyond": "hard",
}
CONTEXTS["allowance_reached"] = {
    "workspace": HOSTILE,
    "percent": 80,
    "allowance": {**ALLOWANCE, "beyond": "hard", "resets": "Tuesday 14 July 2026, 00:00 (Europe/Berlin)"},
    "url": "https://app.example/billing",
}
CONTEXTS["alert_raised"] = {"rule": HOSTILE, "kind": "Cost", "value": "51", "threshold": "50", "subject": HOSTILE}
CONTEXTS["incident_credit"] = {"workspace": HOSTILE, "reason": HOSTILE, "amount": "5", "unit": "tokens", "calls": 1}
CONTEXTS["incident_credit"] |= {"expires": "Tuesday 14 July 2026, 00:00 (UTC)", "url": "https://app.example/billing"}
CONTEXTS["webhook_off"] = {"address": HOSTILE, "since": "1 July 2026, 00:00", "path": "/api/v1/webhooks/1"}
KINDS = sorted(path.stem for path in TEMPLATES.glob("*.txt") if path.stem != "base")


@pytest.fixture(autouse=True)
def no_outage(monkeypatch: pytest.MonkeyPatch) -> None:
    """A test that has the broker away must not keep the next one from it."""
    monkeypatch.setattr(outage, "_resting_until", 0.0)


class Broken(BaseEmailBackend):
    """A mail server that is there and fails."""

    failure: OSError = SMTPServerDisconnected("gone")

    def send_messages(self, email_messages: Any) -> int:
        raise self.failure


@pytest.fixture
def broken(settings: Settings) -> type[Broken]:
    settings.EMAIL_BACKEND = f"{__name__}.Broken"
    return Broken


@pytest.fixture(autouse=True)
def nothing_is_due(database: None) -> None:
    """Earlier tests leave letters behind."""
    Letter.objects.update(due_at=None)


def posted(person: Person, **more: Any) -> Letter:
    return letters.post("password_changed", to=person.user.email, user=person.user, **more)


# ---- going


def test_a_letter_goes_and_is_not_sent_again(alice: Person) -> None:
    letter = posted(alice)

    assert len(mails_to(alice.user.email)) == len(mails_to(alice.user.email)) == 1
    letter.refresh_from_db()
    assert (letter.due_at, letter.tries, letter.error) == (None, 1, "")
    assert letter.sent_at


def test_a_letter_of_a_transaction_that_fails_is_never_sent(alice: Person) -> None:
    with transaction.atomic():
        posted(alice)
        transaction.set_rollback(True)

    assert mails_to(alice.user.email) == []


def test_eight_workers_at_once_send_each_letter_once(alice: Person) -> None:
    for _ in range(20):
        posted(alice)

    def work(_: int) -> int:
        with closing(connection):
            return tasks.send_letters()

    with ThreadPoolExecutor(8) as workers:
        tried = sum(workers.map(work, range(8)))

    assert tried == 20
    assert len(mails_to(alice.user.email)) == 20


def test_a_worker_passes_by_a_letter_that_another_has_in_hand(alice: Person) -> None:
    first, second = posted(alice), posted(alice)

    with transaction.atomic(), ThreadPoolExecutor(1) as another:
        Letter.objects.select_for_update().get(pk=first.pk)

        def work() -> bool:
            with closing(connection):
                return letters.send_next(now())

        assert another.submit(work).result(timeout=10)

    second.refresh_from_db()
    assert second.sent_at


# ---- what fails


@pytest.mark.slow
def test_without_a_broker_a_letter_waits_for_the_next_sweep(
    alice: Person, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    with Celery("nowhere", broker="redis+socket:///nowhere.sock", set_as_current=False) as nowhere:
        monkeypatch.setattr(jobs, "current_app", nowhere)
        posted(alice)

    assert "The broker is away" in caplog.text
    assert len(mails_to(alice.user.email)) == 1


def test_a_broker_that_never_answers_is_given_up_soon(alice: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as deaf:
        port = deaf.getsockname()[1]
        with Celery("deaf", broker=f"redis://127.0.0.1:{port}/0", set_as_current=False) as silent:
            soon = {"socket_timeout": 0.2, "socket_connect_timeout": 0.2}
            silent.conf.broker_transport_options = ours.CELERY_BROKER_TRANSPORT_OPTIONS | soon
            monkeypatch.setattr(jobs, "current_app", silent)
            begun = now()
            posted(alice)

    assert now() - begun < timedelta(seconds=2)
    assert len(mails_to(alice.user.email)) == 1


def test_a_nudge_reaches_the_broker_and_holds_nothing_about_the_letter(alice: Person) -> None:
    with current_app.connection_for_write() as broker:
        queue = broker.SimpleQueue("celery")
        queue.clear()
        posted(alice)
        told = queue.get(timeout=5)
        queue.close()

    assert told.headers["task"] == "accounts.tasks.send_letters"
    assert told.payload[:2] == [[], {}]
    assert alice.user.email not in json.dumps([told.headers, told.payload])


def test_a_mail_server_that_fails_is_tried_again_later(alice: Person, broken: type[Broken]) -> None:
    letter, at = posted(alice), now()

    letters.send_next(at)

    letter.refresh_from_db()
    assert (letter.tries, letter.error, letter.sent_at) == (1, "SMTPServerDisconnected: gone", None)
    assert letter.due_at == at + timedelta(minutes=1)
    assert not letters.send_next(at)


def test_a_letter_goes_once_the_mail_server_is_back(alice: Person, broken: type[Broken], settings: Settings) -> None:
    letter = posted(alice)
    letters.send_next(now())

    settings.EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
    letters.send_next(now() + timedelta(minutes=2))

    letter.refresh_from_db()
    assert letter.sent_at
    assert letter.error == ""
    assert len(mails_to(alice.user.email)) == 1


def test_the_waits_grow_and_then_it_is_given_up(alice: Person, broken: type[Broken], settings: Settings) -> None:
    letter, at, waits = posted(alice), now(), []

    while letters.send_next(at):
        letter.refresh_from_db()
        if letter.due_at:
            waits.append((letter.due_at - at).total_seconds() / 60)
            at = letter.due_at

    assert waits == settings.LETTER_WAITS
    assert (letter.tries, letter.due_at, letter.sent_at) == (len(waits) + 1, None, None)
    assert "gone" in letter.error


def test_a_mailbox_that_does_not_exist_is_not_tried_again(
    alice: Person, broken: type[Broken], monkeypatch: pytest.MonkeyPatch
) -> None:
    letter = posted(alice)
    monkeypatch.setattr(broken, "failure", SMTPRecipientsRefused({letter.to: (550, b"no such user")}))

    letters.send_next(now())

    letter.refresh_from_db()
    assert (letter.tries, letter.due_at) == (1, None)


def test_a_mailbox_that_is_full_is_tried_again(
    alice: Person, broken: type[Broken], monkeypatch: pytest.MonkeyPatch
) -> None:
    letter = posted(alice)
    monkeypatch.setattr(broken, "failure", SMTPRecipientsRefused({letter.to: (452, b"full")}))

    letters.send_next(now())

    letter.refresh_from_db()
    assert letter.due_at


def test_a_letter_that_cannot_be_written_does_not_hold_up_the_others(alice: Person) -> None:
    Letter.objects.create(kind="no_such_kind", to=alice.user.email, due_at=now() - timedelta(minutes=1))
    posted(alice)

    with pytest.raises(Exception, match="no_such_kind"):
        letters.send_next(now())

    assert len(mails_to(alice.user.email)) == 1


def test_a_letter_whose_worker_dies_with_it_is_taken_up_later(alice: Person) -> None:
    letter, at = posted(alice), now()

    letters._take(at)

    assert not letters.send_next(at)
    assert letters.send_next(at + timedelta(minutes=1))
    letter.refresh_from_db()
    assert (letter.tries, letter.due_at) == (2, None)


def test_staff_have_a_letter_tried_again_that_was_given_up_and_not_one_that_went(alice: Person) -> None:
    given_up, went = posted(alice), posted(alice)
    Letter.objects.filter(pk=given_up.pk).update(due_at=None, tries=11)
    mails_to(alice.user.email)

    tried = letters.try_again(Letter.objects.filter(user=alice.user), by=SYSTEM, at=now())

    went.refresh_from_db()
    assert (tried, went.due_at) == (1, None)
    assert len(mails_to(alice.user.email)) == 2


def test_old_letters_are_forgotten_and_those_that_wait_are_not(alice: Person) -> None:
    gone, fresh, waiting = posted(alice), posted(alice), posted(alice)
    old = now() - timedelta(days=8)
    Letter.objects.filter(pk__in=[gone.pk, waiting.pk]).update(created_at=old)
    Letter.objects.filter(pk__in=[gone.pk, fresh.pk]).update(due_at=None)

    letters.forget_old(now())

    assert set(Letter.objects.filter(user=alice.user)) == {fresh, waiting}


# ---- what they say


def message(person: Person, kind: str, context: dict[str, Any] | None = None) -> EmailMultiAlternatives:
    told = CONTEXTS.get(kind, {}) if context is None else context
    letter = Letter.objects.create(kind=kind, to=person.user.email, user=person.user, context=told)
    return letter_texts._message(kind, letter)


def html_of(message: EmailMultiAlternatives) -> str:
    [(html, kind)] = message.alternatives
    assert kind == "text/html"
    return str(html)


@pytest.mark.parametrize("kind", KINDS)
def test_a_letter_has_a_subject_a_text_and_a_page(alice: Person, kind: str) -> None:
    made = message(alice, kind)

    html = html_of(made)
    assert 5 < len(made.subject) < 150
    assert made.body.rstrip().endswith("Stipend")
    assert made.body.count("\n\n\n") == 0
    assert f"<title>{made.subject}" in html or kind == "invitation"
    for text in (made.subject, made.body, html):
        assert "{{" not in text
        assert "{%" not in text
        assert "None" not in text


@pytest.mark.parametrize("kind", KINDS)
def test_a_page_asks_for_nothing_from_elsewhere(alice: Person, kind: str) -> None:
    html = html_of(message(alice, kind))

    assert "src=" not in html
    assert "url(" not in html
    assert "<script" not in html
    assert "@import" not in html


@pytest.mark.parametrize("kind", sorted(letter_texts.LINKS.keys() - {"export_ready"}))
def test_a_link_stands_in_the_text_and_on_the_page_with_its_key_behind_the_hash(alice: Person, kind: str) -> None:
    made = message(alice, kind)

    assert made.body.count(f"{ours.FRONTEND_URL}/") >= 1
    assert f"#key={key_in(made)}" in html_of(made)


def test_every_page_has_its_text_and_every_text_its_page() -> None:
    assert {path.stem for path in TEMPLATES.glob("*.txt")} == {path.stem for path in TEMPLATES.glob("*.html")}


@pytest.mark.parametrize("kind", KINDS)
def test_hostile_words_do_no_harm(alice: Person, kind: str) -> None:
    words = [name for name, told in CONTEXTS.get(kind, {}).items() if isinstance(told, str)]
    told = {name: HOSTILE for name in words if not name.endswith(("email", "id", "url"))}

    made = message(alice, kind, CONTEXTS.get(kind, {}) | told)

    raw = made.message()
    said = f"{made.subject}\n{made.body}{html_of(made)}"
    assert "\n" not in str(made.subject)
    assert raw["Bcc"] is None
    assert raw["To"] == alice.user.email
    assert made.recipients() == [alice.user.email]
    assert "<script" not in html_of(made)
    for harm in ("://evil", "evil.example", "\u202e", "x" * 120):
        assert harm not in said


@pytest.mark.parametrize("name", ["Ada Lovelace", "Ada's & Co", "Ærøskøbing", "山田", "St. Mary", "R&D"])
def test_a_plain_name_is_told_as_it_is(name: str) -> None:
    assert letter_texts.harmless(name) == name


def test_a_text_is_not_escaped_and_a_page_is(alice: Person) -> None:
    made = message(alice, "invitation", CONTEXTS["invitation"] | {"workspace": "R&D's"})

    assert made.subject == "You are invited to R&D's"
    assert "R&D's" in made.body
    assert "R&amp;D&#x27;s" in html_of(made)


# ---- keys


def test_a_key_is_read_for_its_own_purpose_alone() -> None:
    key = mail_keys.make("invitation", "17")

    assert mail_keys.read("invitation", key) == "17"
    with pytest.raises(KeyRefused):
        mail_keys.read("verify-email", key)


def test_a_key_grows_old(settings: Settings) -> None:
    key = mail_keys.make("invitation", "17")
    settings.MAIL_KEY_LIVES = {"invitation": timedelta(seconds=-1)}

    with pytest.raises(KeyRefused):
        mail_keys.read("invitation", key)


@pytest.mark.parametrize("key", ["", ":", "a:b:c", "é", "\x00", "a" * 5_000, "====:1:2"])
def test_a_key_that_is_none_is_refused(key: str) -> None:
    with pytest.raises(KeyRefused):
        mail_keys.read("invitation", key)


def test_a_key_changed_by_one_letter_is_refused() -> None:
    key = mail_keys.make("invitation", "17")

    for place, letter in enumerate(key):
        forged = key[:place] + ("A" if letter != "A" else "B") + key[place + 1 :]
        if forged.rstrip("AEIMQUYcgkosw048") != key.rstrip("AEIMQUYcgkosw048"):
            with pytest.raises(KeyRefused):
                mail_keys.read("invitation", forged)


def test_no_row_and_no_log_holds_the_key_of_a_letter(alice: Person, caplog: pytest.LogCaptureFixture) -> None:
    letter = letters.post("invitation", to=alice.user.email, context=CONTEXTS["invitation"] | {"workspace": "Acme"})
    [sent] = mails_to(alice.user.email)

    key = key_in(sent)

    row = Letter.objects.filter(pk=letter.pk).values().get()
    assert key not in repr(row) + caplog.text
    assert key.rpartition(":")[2] not in repr(row) + caplog.text


def test_the_outbox_is_empty_between_two_tests() -> None:
    assert mail.outbox == []
    assert mails_to(f"{uuid4()}@example.com") == []
