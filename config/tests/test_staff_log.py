"""What staff do by forms of the console stands in the audit log: who, to what, from where, before and after."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db.models import Model
from django.forms import BaseForm
from django.test import Client
from django.urls import reverse
from django.utils.timezone import now

from accounts.models import AuditEntry, User
from accounts.tests.factories import person
from accounts.tests.ways_in import in_console
from analytics.models import AlertRule
from assistants.models import LanguageModel, ModelPrice
from quotas.models import Promotion

HOSTILE = "<script>alert(1)</script>"


@pytest.fixture(scope="module")
def staff(database: None) -> User:
    somebody = person("Staff").user
    User.objects.filter(pk=somebody.pk).update(is_staff=True, is_superuser=True)
    somebody.refresh_from_db()
    return somebody


@pytest.fixture(scope="module")
def console(staff: User) -> Client:
    return in_console(staff)


def a_rule() -> AlertRule:
    return AlertRule.objects.create(
        name=f"{HOSTILE} {uuid.uuid4()}", kind="cost", threshold=5, window="day", is_on=False
    )


def a_model() -> LanguageModel:
    sizes = {"context": 1000, "max_output": 100, "rank": 900, "created_at": now()}
    slug = f"model-{uuid.uuid4()}"
    return LanguageModel.objects.create(
        slug=slug, name="One", upstream_name="one", provider="demo", is_offered=False, **sizes
    )


def a_price() -> ModelPrice:
    amounts = dict.fromkeys(["input", "output", "cache_write_5m", "cache_write_1h", "cache_read"], 5)
    return ModelPrice.objects.create(model=a_model(), valid_from=now() + timedelta(days=900), **amounts)


def a_code() -> Promotion:
    return Promotion.objects.create(code=f"C-{uuid.uuid4()}".upper(), meter="tokens", amount=5)


FORMS: list[tuple[Callable[[], Model], str, Any, Any]] = [
    (a_rule, "threshold", 5, 7),
    (a_model, "rank", 900, 901),
    (a_price, "output", 5, 7),
    (a_code, "amount", 5, 7),
]


def address(row: Model, page: str) -> str:
    return reverse(f"admin:{row._meta.app_label}_{row._meta.model_name}_{page}", args=[row.pk])


def filled(form: BaseForm) -> dict[str, Any]:
    """As the browser would send it back."""
    return {
        sent: value
        for name, field in form.fields.items()
        for sent, value in _sent(form.add_prefix(name), field, form[name].value())
        if value is not None and value is not False
    }


def _sent(name: str, field: Any, value: Any) -> list[tuple[str, Any]]:
    parts = getattr(field.widget, "widgets", None)
    if parts is None:
        return [(name, value)]
    return [(f"{name}_{place}", part) for place, part in enumerate(field.widget.decompress(value))]


def whole_form(page: Any) -> dict[str, Any]:
    formsets = [inline.formset for inline in page.context["inline_admin_formsets"]]
    forms = [page.context["adminform"].form, *(form for each in formsets for form in (each.management_form, *each))]
    return {name: value for form in forms for name, value in filled(form).items()}


@pytest.mark.parametrize(("make", "field", "former", "new"), FORMS, ids=lambda value: getattr(value, "__name__", None))
def test_a_form_that_is_saved_says_what_was_before(
    console: Client, staff: User, make: Callable[[], Model], field: str, former: Any, new: Any
) -> None:
    row = make()
    form = whole_form(console.get(address(row, "change")))

    answer = console.post(address(row, "change"), {**form, field: new})
    assert answer.status_code == 302, answer.context["errors"]

    [line] = AuditEntry.objects.filter(subject=f"{row._meta.model_name}:{row.pk}")
    assert line.action == f"{row._meta.model_name}.changed"
    assert (line.before, line.after[field]) == ({field: former}, new)
    assert (line.actor, line.ip) == (staff, "127.0.0.1")


def test_the_difference_is_read_as_text(console: Client) -> None:
    rule = a_rule()
    form = whole_form(console.get(address(rule, "change")))
    console.post(address(rule, "change"), {**form, "name": f"{HOSTILE} anew {rule.pk}"})
    line = AuditEntry.objects.get(subject=f"alertrule:{rule.pk}")

    page = console.get(address(line, "change")).content.decode()

    assert HOSTILE not in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt; anew" in page
