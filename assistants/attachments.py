"""Files that people give along with what they say: taken in, kept, sent to a model, let go.

A file waits in the storage under a random name until a message takes it. It goes when its row goes, after the commit.
"""

from __future__ import annotations

import asyncio
import base64
import uuid
from collections.abc import Iterable, Iterator
from datetime import datetime
from functools import partial
from typing import Any
from uuid import UUID

from django.conf import settings
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.db import connection, transaction

from accounts.callers import Caller
from assistants import contents
from assistants.errors import (
    AttachmentTaken,
    FileTooLarge,
    InvalidRequest,
    TooManyAttachments,
    UnknownAttachment,
)
from assistants.models import Attachment

LONGEST_NAME = 200

Block = dict[str, Any]
Said = dict[str, Any]
"""A message for a model; `files`, where it has any, are rows of what is attached."""


# ---- Taken in, handed out, let go


def take_in(name: str, data: bytes, caller: Caller, *, at: datetime) -> Attachment:
    """Raises as `contents.inspect` does, and `TooManyAttachments`."""
    connection.close()  # as a guard does, since looking into a file is what takes long
    content = contents.inspect(data, name)
    waiting = Attachment.objects.filter(workspace_id=caller.workspace_id, message=None)
    if waiting.count() >= settings.ATTACHMENTS_WAITING:
        raise TooManyAttachments(settings.ATTACHMENTS_WAITING)
    # The row first: whatever happens, every file there is can be found and removed.
    attachment = Attachment.objects.create(
        workspace_id=caller.workspace_id,
        user_id=caller.user_id,
        name=name[:LONGEST_NAME] or "file",
        media_type=content.media_type,
        size=len(data),
        tokens=content.tokens,
        file=f"attachments/{uuid.uuid4().hex}",
        created_at=at,
    )
    default_storage.save(attachment.file, ContentFile(data))
    return attachment


def read(attachment: Attachment) -> bytes:
    """Raises `UnknownAttachment` where the file is no longer there."""
    data = content(attachment.file)
    if data is None:
        raise UnknownAttachment
    return data


@transaction.atomic
def sweep(at: datetime) -> int:
    """Let go of those that no message took in time; how many."""
    late = Attachment.objects.filter(message=None, created_at__lt=at - settings.UNUSED_ATTACHMENTS_KEPT)
    return let_go(late.select_for_update(skip_locked=True))


def let_go(found: Iterable[Attachment]) -> int:
    """Delete them, and after the commit their files; how many. To be called in a transaction."""
    files = {attachment.pk: attachment.file for attachment in found}
    Attachment.objects.filter(pk__in=files).delete()
    for file in files.values():
        transaction.on_commit(partial(default_storage.delete, file))
    return len(files)


# ---- Sent to a model


def checked(asked: tuple[UUID, ...], found: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Those that a new message takes, in the order asked for.

    Raises `UnknownAttachment`, `AttachmentTaken`, `FileTooLarge`.
    """
    if len(found) < len(asked):
        raise UnknownAttachment
    if any(file["is_taken"] for file in found):
        raise AttachmentTaken
    if sum(file["size"] for file in found) > settings.ATTACHED_BYTES:
        raise FileTooLarge(settings.ATTACHED_BYTES, "attachments, all together")
    return sorted(found, key=lambda file: asked.index(UUID(file["id"])))


def tokens(messages: Iterable[Said]) -> int:
    """What the files of these messages take of a prompt."""
    return sum(file["tokens"] for message in messages for file in message.get("files", ()))


async def with_files(messages: list[Said]) -> list[Said]:
    """The same with the files in place, before the text, as a model reads them."""
    if not any(message.get("files") for message in messages):
        return messages
    sent = _fitting(messages)
    # Reading would hold up everybody else's answers.
    return await asyncio.to_thread(lambda: [_with_files(message, sent) for message in messages])


def parsed_ids(value: object) -> tuple[UUID, ...]:
    """Raises `InvalidRequest`."""
    if not isinstance(value, list) or len(value) > settings.ATTACHMENTS_A_MESSAGE:
        raise InvalidRequest(f"attachments: a list of at most {settings.ATTACHMENTS_A_MESSAGE} ids.", "attachments")
    try:
        return tuple(dict.fromkeys(UUID(str(one)) for one in value))
    except ValueError as exc:
        raise InvalidRequest("attachments: a list of ids.", "attachments") from exc


def _fitting(messages: list[Said]) -> set[str]:
    """The newest files that a request has room for: a provider takes no more bytes, whatever its context holds."""
    fitting, room = set(), settings.ATTACHED_BYTES
    for file in _newest_first(messages):
        room -= file["size"]
        if room < 0:
            break
        fitting.add(file["id"])
    return fitting


def _newest_first(messages: list[Said]) -> Iterator[dict[str, Any]]:
    for message in reversed(messages):
        yield from message.get("files", ())


def _with_files(message: Said, sent: set[str]) -> Said:
    said = {"role": message["role"], "content": message["content"]}
    if not (files := message.get("files")):
        return said
    blocks = [_block(file) if file["id"] in sent else _note(file) for file in files]
    text = [{"type": "text", "text": message["content"]}] if message["content"] else []
    return said | {"content": [*blocks, *text]}


def _block(file: dict[str, Any]) -> Block:
    data = content(file["file"])
    if data is None:
        return _note(file)
    if file["media_type"].startswith("text/"):
        source = {"type": "text", "media_type": contents.PLAIN, "data": data.decode()}
    else:
        source = {"type": "base64", "media_type": file["media_type"], "data": base64.b64encode(data).decode()}
    if file["media_type"].startswith("image/"):
        return {"type": "image", "source": source}
    return {"type": "document", "source": source, "title": file["name"]}


def _note(file: dict[str, Any]) -> Block:
    return {"type": "text", "text": f"[{file['name']} was attached here and is not sent again.]"}


def content(name: str) -> bytes | None:
    """Of a file in the storage; None where it is no longer there."""
    try:
        with default_storage.open(name) as file:
            data: bytes = file.read()
    except FileNotFoundError:
        return None
    return data
