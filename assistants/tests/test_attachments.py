"""Files: taken in by what they are, told to the model, one message's alone, and gone when nobody needs them."""

from __future__ import annotations

import asyncio
import base64
import resource
import uuid
from contextlib import ExitStack
from datetime import timedelta
from typing import Any

import pytest
from django.core.files.storage import default_storage
from django.utils.timezone import now
from pytest_django import Settings

from accounts import erasure
from accounts.audit import SYSTEM
from accounts.tests.factories import Person
from assistants import attachments, contents, conversations
from assistants.conversations import NewMessage
from assistants.errors import AttachmentTaken, FileRefused, FilesWaiting, TooManyAttachments
from assistants.models import Attachment, Conversation, Message
from assistants.tests import files
from assistants.tests.test_conversation_turns import CONVERSATIONS, Talk, sent
from assistants.tests.test_conversation_turns import talk as talk
from config.tests.product import Product
from conftest import Run
from quotas.models import Reservation

ATTACHMENTS = "/api/v1/assistants/attachments"


def upload(product: Product, person: Person, data: bytes, name: str = "file.bin", kind: str = "text/html") -> Any:
    return product.http.post(ATTACHMENTS, headers=person.headers, files={"file": (name, data, kind)})


def given(talk: Talk, data: bytes, name: str) -> dict[str, Any]:
    answer = upload(talk.product, talk.person, data, name)
    assert answer.status_code == 201, answer.text
    made: dict[str, Any] = answer.json()
    return made


def listed(product: Product, person: Person, **query: str) -> list[str]:
    answer = product.http.get(ATTACHMENTS, headers=person.headers, params=query)
    return [file["name"] for file in answer.json()["results"]]


# Taken in


@pytest.mark.parametrize(
    ("data", "name", "kind"),
    [
        (files.image("PNG"), "a.png", "image/png"),
        (files.image("JPEG"), "a.exe", "image/jpeg"),
        (files.image("GIF"), "a.pdf", "image/gif"),
        (files.image("WEBP"), "a", "image/webp"),
        (files.pdf(2), "a.png", "application/pdf"),
        (b"<script>alert(1)</script>", "a.html", "text/plain"),
        ("# Grüße".encode(), "a.MD", "text/markdown"),
        (b"a,b\n1,2", "a.csv", "text/csv"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_the_content_says_what_a_file_is(product: Product, alice: Person, data: bytes, name: str, kind: str) -> None:
    made = upload(product, alice, data, name)

    assert (made.status_code, made.json()["media_type"], made.json()["size"]) == (201, kind, len(data))
    assert (made.json()["name"], made.json()["message_id"]) == (name, None)


REFUSED = {
    "nothing": (b"", 422, "file_refused"),
    "a program": (b"MZ\x90\x00" + bytes(range(256)), 415, "unsupported_file"),
    "text with NUL": (b"Hello\x00", 415, "unsupported_file"),
    "Latin-1": ("Grüße".encode("latin-1"), 415, "unsupported_file"),
    "an icon": (files.image("ICO"), 415, "unsupported_file"),
    "half an image": (files.image("JPEG", (64, 64))[:-200], 422, "file_refused"),
    "an image of another check sum": (files.image()[:50] + b"!!!!" + files.image()[54:], 422, "file_refused"),
    "a huge picture in a small file": (files.image("PNG", (8001, 1)), 422, "file_refused"),
    "a decompression bomb": (files.image("GIF", (7000, 7000)), 422, "file_refused"),
    "a WebP picture of 6300 pixels a side": (
        files.image("WEBP", (6300, 6300), lossless=True, method=0),
        422,
        "file_refused",
    ),
    "a PDF whose table of contents has no end": (files.pdf_that_takes_long(), 422, "file_refused"),
    "half a PDF": (files.pdf()[:60], 422, "file_refused"),
    "an encrypted PDF": (files.pdf(password="secret"), 422, "file_refused"),
    "a PDF of 101 pages": (files.pdf(101), 422, "file_refused"),
    "a PDF without pages": (files.pdf_without_pages(), 422, "file_refused"),
    "a PDF that goes round": (files.pdf_that_goes_round(), 422, "file_refused"),
    "a long text": (b"a" * 500_001, 413, "file_too_large"),
    "a large image": (files.image("GIF") + b"\x00" * 3_750_000, 413, "file_too_large"),
}


@pytest.mark.parametrize("what", REFUSED)
def test_what_cannot_be_read_is_refused(product: Product, alice: Person, what: str) -> None:
    data, status, code = REFUSED[what]

    answer = upload(product, alice, data)

    assert (answer.status_code, answer.json()["code"]) == (status, code), answer.text
    assert not Attachment.objects.filter(workspace=alice.workspace).exists()


def test_it_takes_one_file_and_nothing_else(product: Product, alice: Person) -> None:
    def ask(**asked: Any) -> int:
        return product.http.post(ATTACHMENTS, headers=alice.headers, **asked).status_code

    two = [("file", ("a.txt", b"a")), ("file", ("b.txt", b"b"))]
    assert (ask(files=two), ask(files={"other": ("a.txt", b"a")}), ask(json={"file": "a"})) == (400, 400, 415)


def test_what_it_unpacks_to_strains_nobody_else(alice: Person) -> None:
    before = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime

    with pytest.raises(FileRefused, match="takes too much"):
        contents.inspect(files.pdf_that_takes_long(), "a.pdf")

    assert resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime - before < 5


def test_who_has_waited_too_long_is_told_to_come_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(contents, "TURN_SECONDS", 0.01)

    with ExitStack() as others:
        for _ in range(contents.AT_ONCE):
            others.enter_context(contents._turn())
        with pytest.raises(FilesWaiting):
            contents.inspect(files.image(), "a.png")

    assert contents.inspect(files.image(), "a.png").media_type == "image/png"


def test_too_many_fields_are_told_as_a_problem(product: Product, alice: Person) -> None:
    answer = product.http.post(
        ATTACHMENTS,
        headers=alice.headers,
        data=dict.fromkeys(map(str, range(5000)), "x"),
        files={"file": ("a.txt", b"a")},
    )

    assert (answer.status_code, answer.headers["content-type"]) == (400, "application/problem+json")
    assert answer.json()["code"] == "malformed_request"


def test_files_that_wait_are_so_many(settings: Settings, alice: Person) -> None:
    settings.ATTACHMENTS_WAITING = 1
    attachments.take_in("a.txt", b"a", alice.caller, at=now())

    with pytest.raises(TooManyAttachments):
        attachments.take_in("b.txt", b"b", alice.caller, at=now())


# Handed out


def test_a_file_is_to_be_saved_and_never_shown(product: Product, alice: Person) -> None:
    data = b"<script>alert(1)</script>"
    made = upload(product, alice, data, 'über "x".html').json()

    answer = product.http.get(f"{ATTACHMENTS}/{made['id']}/content", headers=alice.headers)

    assert (answer.status_code, answer.content) == (200, data)
    assert answer.headers["content-type"] == "text/plain"
    assert answer.headers["content-disposition"].startswith("attachment; filename*=utf-8''%C3%BCber")
    assert answer.headers["x-content-type-options"] == "nosniff"


def test_files_are_listed_by_whether_a_message_has_them(talk: Talk) -> None:
    used, _ = given(talk, b"one", "one.txt"), given(talk, b"two", "two.txt")
    talk.say("Look", attachments=[used["id"]])

    product, alice = talk.product, talk.person
    assert listed(product, alice) == ["two.txt", "one.txt"]
    assert listed(product, alice, used="true") == ["one.txt"]
    assert listed(product, alice, used="false") == ["two.txt"]


def test_a_deleted_file_is_gone_from_the_storage_and_from_its_message(talk: Talk) -> None:
    made = given(talk, b"secret", "one.txt")
    talk.say("Look", attachments=[made["id"]])
    file = Attachment.objects.get(pk=made["id"]).file
    assert default_storage.exists(file)

    path = f"{ATTACHMENTS}/{made['id']}"
    assert talk.product.http.delete(path, headers=talk.person.headers).status_code == 204

    assert not default_storage.exists(file)
    assert talk.product.http.get(path, headers=talk.person.headers).status_code == 404
    talk.say("And now?")
    assert "secret" not in str(sent(talk))


def test_nobody_else_sees_it(product: Product, alice: Person, charlie: Person) -> None:
    made = upload(product, alice, b"secret", "one.txt").json()

    assert listed(product, charlie) == []
    for method, place in (("GET", ""), ("GET", "/content"), ("DELETE", "")):
        answer = product.http.request(method, f"{ATTACHMENTS}/{made['id']}{place}", headers=charlie.headers)
        assert answer.status_code == 404
    assert Attachment.objects.filter(pk=made["id"]).exists()


# Told to the model


def test_a_model_sees_the_files_before_the_text(talk: Talk) -> None:
    picture, paper = files.image(), files.pdf()
    made = [given(talk, picture, "a.png"), given(talk, paper, "b.pdf"), given(talk, b"a,b", "c.csv")]

    answer = talk.say("Look", attachments=[file["id"] for file in made])

    assert answer.status_code == 201
    [message] = sent(talk)
    image, document, text, said = message["content"]
    data = base64.b64encode(picture).decode()
    assert image == {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": data}}
    assert (document["type"], document["title"]) == ("document", "b.pdf")
    assert base64.b64decode(document["source"]["data"]) == paper
    assert text["source"] == {"type": "text", "media_type": "text/plain", "data": "a,b"}
    assert said == {"type": "text", "text": talk.text("Look")}


def test_files_say_it_all_where_there_are_no_words(talk: Talk) -> None:
    made = given(talk, b"a,b", "c.csv")

    answer = talk.product.http.post(talk.messages, headers=talk.person.headers, json={"attachments": [made["id"]]})
    talk.say("And now?")

    assert answer.status_code == 201
    first, _, last = sent(talk)
    assert [block["type"] for block in first["content"]] == ["document"]
    assert last["content"] == talk.text("And now?")
    assert Conversation.objects.get(pk=talk.id).title == "c.csv"


def test_files_stay_in_the_order_in_which_they_were_named(talk: Talk) -> None:
    made = [given(talk, name.encode(), name) for name in ("a.txt", "b.txt", "c.txt")]
    named = [made[1]["id"], made[2]["id"], made[0]["id"]]

    talk.say("Look", attachments=named)
    shown = talk.product.http.get(talk.messages, headers=talk.person.headers).json()["results"][1]["attachments"]

    assert [file["id"] for file in shown] == named
    assert [block["title"] for block in sent(talk)[0]["content"][:3]] == ["b.txt", "c.txt", "a.txt"]
    talk.say("And now?")
    assert [block["title"] for block in sent(talk)[0]["content"][:3]] == ["b.txt", "c.txt", "a.txt"]


def test_files_of_earlier_messages_go_along(talk: Talk) -> None:
    made = given(talk, b"a,b", "c.csv")
    first = talk.say("Look", attachments=[made["id"]]).json()
    talk.say("And now?")

    assert sent(talk)[0]["content"][0]["title"] == "c.csv"
    talk.product.http.post(f"{talk.messages}/{first['id']}/regenerate", headers=talk.person.headers)
    assert sent(talk)[0]["content"][0]["title"] == "c.csv"


def test_what_is_too_much_for_a_request_stays_behind_oldest_first(run: Run[Any], settings: Settings) -> None:
    settings.ATTACHED_BYTES = 10
    row = {"media_type": "text/plain", "size": 6, "tokens": 2, "file": "none"}
    said = [{"role": "user", "content": "?", "files": [row | {"id": name, "name": name}]} for name in ("old", "new")]

    assert attachments._fitting(said) == {"new"}
    [old, _] = run(attachments.with_files(said))
    assert "old was attached here" in old["content"][0]["text"]


def test_a_message_tells_what_is_attached(talk: Talk) -> None:
    made = given(talk, b"a,b", "c.csv")
    talk.say("Look", attachments=[made["id"]])

    newest = talk.product.http.get(talk.messages, headers=talk.person.headers).json()["results"][1]
    assert [file["name"] for file in newest["attachments"]] == ["c.csv"]
    export = talk.product.http.get(f"{CONVERSATIONS}/{talk.id}/export", headers=talk.person.headers).text
    assert "*Attached: c.csv*" in export


def test_a_hold_has_room_for_what_is_attached(talk: Talk) -> None:
    made = given(talk, files.pdf(3), "b.pdf")

    talk.say("Look", attachments=[made["id"]])

    held = Reservation.objects.get(workspace=talk.person.workspace).holds.filter(bucket__meter="tokens").first()
    assert made["tokens"] == 9000
    assert held is not None
    assert held.amount > 9000


def test_the_demo_says_what_it_sees(demo_product: Product, alice: Person) -> None:
    talk = demo_product.http.post(CONVERSATIONS, headers=alice.headers, json={}).json()
    ids = [upload(demo_product, alice, data).json()["id"] for data in (files.image(), files.pdf(), b"text")]

    answer = demo_product.http.post(
        f"{CONVERSATIONS}/{talk['id']}/messages", headers=alice.headers, json={"text": "Look", "attachments": ids}
    )

    assert "I see 1 image. I see 2 documents. You said: Look" in answer.json()["text"]


@pytest.mark.parametrize("data", [b"A text of thirty-five bytes, about.", files.pdf(), files.pdf(2)])
def test_the_demo_charges_no_more_than_was_held(demo_product: Product, alice: Person, data: bytes) -> None:
    talk = demo_product.http.post(CONVERSATIONS, headers=alice.headers, json={}).json()
    file = upload(demo_product, alice, data).json()
    path, body = f"{CONVERSATIONS}/{talk['id']}/messages", {"text": "Look", "attachments": [file["id"]]}

    usage = demo_product.http.post(path, headers=alice.headers, json=body).json()["usage"]

    held = Reservation.objects.get(workspace=alice.workspace).holds.filter(bucket__meter="tokens").first()
    assert held is not None
    assert usage["total_tokens"] <= held.amount
    assert usage["input_tokens"] <= file["tokens"] + 10


# One message's alone


@pytest.mark.parametrize("asked", ["one", ["one"], [5], [None], {}, [str(uuid.UUID(int=0))] * 11])
def test_what_is_no_list_of_ids_is_refused(talk: Talk, asked: object) -> None:
    answer = talk.say("Look", attachments=asked)

    assert (answer.status_code, answer.json()["code"]) == (400, "invalid_request")


def test_another_workspace_s_file_is_unknown(talk: Talk, charlie: Person) -> None:
    theirs = upload(talk.product, charlie, b"secret", "one.txt").json()["id"]

    for file in (theirs, str(uuid.uuid4())):
        answer = talk.say("Look", attachments=[file])
        assert (answer.status_code, answer.json()["code"]) == (404, "unknown_attachment")
    assert not Message.objects.filter(conversation_id=talk.id, role="user").exists()


def test_a_file_that_a_message_has_is_taken(talk: Talk) -> None:
    made = given(talk, b"a,b", "c.csv")
    talk.say("Look", attachments=[made["id"]])

    answer = talk.say("Look again", attachments=[made["id"]])

    assert (answer.status_code, answer.json()["code"]) == (409, "attachment_taken")


def test_of_two_messages_that_race_for_a_file_one_has_it(run: Run[Any], alice: Person) -> None:
    file = attachments.take_in("c.csv", b"a,b", alice.caller, at=now())
    other = attachments.take_in("d.csv", b"a,b", alice.caller, at=now())
    talks = [conversations.create(alice.caller, title="", system="", model="claude-sonnet-5-5") for _ in range(6)]

    async def say(place: int) -> Any:
        files = (file.pk, other.pk) if place % 2 else (file.pk,)
        new = NewMessage("Look", 5, attachments=files)
        fixed: dict[str, Any] = {"caller": alice.caller, "request_id": f"req_{uuid.uuid4().hex}", "at": now()}
        turn = await conversations.reply_to(new, conversation_id=talks[place].pk, **fixed)
        await turn.finished()
        return turn

    async def race() -> list[Any]:
        return await asyncio.gather(*map(say, range(len(talks))), return_exceptions=True)

    ended = run(race())

    lost = [one for one in ended if isinstance(one, AttachmentTaken)]
    assert len(lost) == len(talks) - 1, ended
    assert Message.objects.filter(conversation__in=talks, role="user").count() == 1
    assert Attachment.objects.get(pk=file.pk).message is not None
    assert not Reservation.objects.filter(workspace=alice.workspace, state="pending").exists()


# Gone


def test_what_no_message_takes_is_swept_after_a_day(alice: Person) -> None:
    at = now()
    late = attachments.take_in("late.txt", b"a", alice.caller, at=at - timedelta(days=1, seconds=1))
    fresh = attachments.take_in("fresh.txt", b"a", alice.caller, at=at)

    attachments.sweep(at)

    assert not Attachment.objects.filter(pk=late.pk).exists()
    assert (default_storage.exists(late.file), default_storage.exists(fresh.file)) == (False, True)


def test_files_go_with_their_person(talk: Talk) -> None:
    used, waiting = given(talk, b"one", "one.txt"), given(talk, b"two", "two.txt")
    talk.say("Look", attachments=[used["id"]])
    found = list(Attachment.objects.filter(pk__in=[used["id"], waiting["id"]]))

    erasure.erase(talk.person.user.pk, by=SYSTEM, at=now())

    assert not Attachment.objects.filter(user=talk.person.user).exists()
    assert not [file for file in found if default_storage.exists(file.file)]


def test_an_export_has_the_files_themselves(alice: Person) -> None:
    from assistants.holdings import attached

    attachments.take_in("one.txt", b"mine", alice.caller, at=now())

    [row] = attached(alice.user)

    assert (row["name"], base64.b64decode(row["content"])) == ("one.txt", b"mine")


def test_an_answer_comes_as_ever_without_files(talk: Talk) -> None:
    assert talk.say("Hello", attachments=[]).status_code == 201
    assert sent(talk) == [{"role": "user", "content": talk.text("Hello")}]
