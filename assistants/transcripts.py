"""A conversation as a text to keep: first the branch that is shown, then the others from where they part from it."""

from __future__ import annotations

from collections.abc import Iterator
from uuid import UUID

from assistants.documents import pdf
from assistants.errors import TooLongToExport
from assistants.models import Conversation, Message

QUOTED = 60
LONGEST_PDF = 200_000
"""Characters. They are set in a second, unless they are very many lines."""
MOST_LINES = 10_000
SHOWN = "## The branch that is shown"


def as_pdf(conversation: Conversation) -> bytes:
    """Raises `TooLongToExport`."""
    markdown = as_markdown(conversation)
    if len(markdown) > LONGEST_PDF or markdown.count("\n") > MOST_LINES:
        raise TooLongToExport(LONGEST_PDF, MOST_LINES)
    return pdf.of_markdown(markdown, conversation.title, conversation.title)


def as_markdown(conversation: Conversation) -> str:
    said = {message.pk: message for message in conversation.messages.prefetch_related("attachments")}
    parts = [f"# {conversation.title}"]
    written: set[UUID] = set()
    for tip in _tips(conversation, said):
        branch = _branch(said, tip, written)
        if branch and len(branch) < len(said):
            parts.append(_heading(said, branch[0].parent_id) if written else SHOWN)
        parts += map(_written, branch)
        written |= {message.pk for message in branch}
    return "\n\n".join(parts) + "\n"


def _tips(conversation: Conversation, said: dict[UUID, Message]) -> Iterator[Message]:
    """The one shown, then the ends of all others in the order in which they came."""
    if conversation.tip_id in said:
        yield said[conversation.tip_id]
    parents = {message.parent_id for message in said.values()}
    yield from (message for message in said.values() if message.pk not in parents)


def _branch(said: dict[UUID, Message], tip: Message, written: set[UUID]) -> list[Message]:
    """From where it parts from what is written, to its tip."""
    found: list[Message] = []
    step: Message | None = tip
    while step and step.pk not in written:
        found.append(step)
        step = said.get(step.parent_id) if step.parent_id else None
    return found[::-1]


def _heading(said: dict[UUID, Message], parent_id: UUID | None) -> str:
    if parent_id is None:
        return "## Another beginning"
    return f"## Otherwise, after “{' '.join(said[parent_id].text.split())[:QUOTED]}”"


def _written(message: Message) -> str:
    files = [f"*Attached: {file.name}*" for file in message.attachments.all()]
    parts = [part for part in (message.text, *files) if part] or ["(nothing was said)"]
    return "\n\n".join([f"**{message.get_role_display()}**", *parts])
