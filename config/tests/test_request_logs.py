"""Whatever is logged for a request bears its id, and nothing of what was said in it."""

from __future__ import annotations

import asyncio
import json
import logging
import uuid
from pathlib import Path
from typing import Any

import pytest

from accounts.tests.factories import Person
from assistants.tests.standin.client import StandIn
from config import logs
from config.logs import AsJson
from config.tests.product import started
from conftest import UNHURRIED, Run, behind


def test_tasks_that_a_request_begins_have_its_id(run: Run[Any]) -> None:
    record = logging.LogRecord("stipend", logging.INFO, "", 1, "It is %s", ("so\nand so",), None)

    async def handle() -> list[dict[str, Any]]:
        logs.request_id.set("req_1")
        task = asyncio.create_task(asyncio.to_thread(AsJson().format, record))
        logs.request_id.set("req_2")
        return [json.loads(await task), json.loads(AsJson().format(record))]

    lines = run(handle())

    assert [line["request_id"] for line in lines] == ["req_1", "req_2"]
    assert lines[0]["message"] == "It is so\nand so"
    assert (lines[0]["level"], lines[0]["logger"]) == ("INFO", "stipend")


@pytest.mark.slow
def test_the_lines_of_a_request_bear_its_id_and_no_message(
    database: None, standin: StandIn, alice: Person, tmp_path: Path
) -> None:
    """One call fails, of which the breaker logs; and one is answered."""
    canary, log = f"canary{uuid.uuid4().hex}", tmp_path / "web.log"
    environment = UNHURRIED | behind(standin) | {"BREAKER_FAILURES": "1", "LOG_FORMAT": "json"}
    said = [f"{canary} [[break=close after=2]]", canary]

    with started(environment, log=log) as product:
        begun = product.http.post("/api/v1/assistants/conversations", json={"title": canary}, headers=alice.headers)
        address = f"/api/v1/assistants/conversations/{begun.json()['id']}/messages"
        answers = [product.http.post(address, json={"text": text}, headers=alice.headers) for text in said]

    lines = [json.loads(line) for line in log.read_text().splitlines()]
    first, second = (
        [line for line in lines if line["request_id"] == answer.headers["x-request-id"]] for answer in answers
    )
    assert {line["logger"] for line in first} == {"stipend.requests", "assistants.providers.breaker"}
    assert [(line["route"], line["status"]) for line in second] == [
        ("api/v1/assistants/conversations/<uuid:conversation_id>/messages", answers[1].status_code)
    ]
    assert canary not in log.read_text()
    assert begun.json()["id"] not in log.read_text()
