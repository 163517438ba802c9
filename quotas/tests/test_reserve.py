import uuid

import pytest
from django.utils.timezone import now

from accounts.tests.factories import Person
from conftest import Run
from quotas import metering
from quotas.errors import QuotaExceeded
from quotas.metering import Ask
from quotas.models import Bucket, Decision


def request_id() -> str:
    return f"req_{uuid.uuid4().hex}"


def tokens(person: Person) -> Bucket:
    return Bucket.objects.get(workspace=person.workspace, meter="tokens")


def test_it_holds_what_is_asked(run: Run, alice: Person) -> None:
    admission = run(metering.reserve(alice.caller, {"tokens": Ask.exactly(300)}, request_id=request_id(), at=now()))

    assert admission.held("tokens") == 300
    assert tokens(alice).reserved == 300


def test_it_refuses_when_the_allowance_is_spent(run: Run, alice: Person) -> None:
    name = request_id()
    run(metering.reserve(alice.caller, {"tokens": Ask.exactly(10_000)}, request_id=request_id(), at=now()))

    with pytest.raises(QuotaExceeded) as refused:
        run(metering.reserve(alice.caller, {"tokens": Ask.exactly(1)}, request_id=name, at=now()))

    assert refused.value.violated[0].policy == "tokens-day"
    assert Decision.objects.get(request_id=name).admitted is False
    assert tokens(alice).reserved == 10_000
