"""What people say, and what a model answers."""

from __future__ import annotations

import uuid
from typing import ClassVar, Self

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q
from django.db.models.expressions import RawSQL

from accounts.models import User, Workspace


class ConversationQuerySet(models.QuerySet["Conversation"]):
    def of(self, workspace_id: uuid.UUID) -> Self:
        """What this workspace made and has not deleted, but for those of projects, which have ways of their own."""
        return self.filter(workspace_id=workspace_id, deleted_at=None, project=None)


class Conversation(models.Model):
    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    workspace = models.ForeignKey(Workspace, on_delete=models.CASCADE, related_name="conversations")
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="conversations")
    title = models.CharField(max_length=200, default="New conversation")
    system = models.TextField(blank=True, help_text="The system prompt.")
    model = models.CharField(max_length=80)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)
    tip = models.ForeignKey(
        "Message", on_delete=models.SET_NULL, null=True, related_name="+", help_text="The end of the branch shown."
    )
    archived_at = models.DateTimeField(null=True, blank=True)
    deleted_at = models.DateTimeField(null=True, blank=True)

    objects = ConversationQuerySet.as_manager()

    class Meta:
        ordering = ["-created_at"]
        permissions: ClassVar = [("read_conversation", "Can read what is said in a conversation, with a reason")]
        indexes: ClassVar = [models.Index(fields=["workspace", "-created_at"])]

    def __str__(self) -> str:
        return str(self.id)


# The index by conversation serves it; alternatives at the very beginning have no parent.
SIBLINGS = """ARRAY(
    SELECT s.id FROM assistants_message s WHERE s.conversation_id = assistants_message.conversation_id
        AND s.parent_id IS NOT DISTINCT FROM assistants_message.parent_id
    ORDER BY s.created_at, s.id
)"""
BRANCH = """
    WITH RECURSIVE branch AS (
        SELECT id, parent_id FROM assistants_message WHERE id = %s
        UNION ALL
        SELECT m.id, m.parent_id FROM branch b JOIN assistants_message m ON m.id = b.parent_id
    )
    SELECT id FROM branch
"""


class MessageQuerySet(models.QuerySet["Message"]):
    def leading_to(self, tip_id: uuid.UUID | None) -> Self:
        """The branch that ends with this message."""
        return self.filter(pk__in=RawSQL(BRANCH, [tip_id]))  # noqa: S611

    def with_all_that_is_told(self) -> Self:
        """With their turns, their files, and as `siblings` the ids of all that go on from the same message."""
        siblings = RawSQL(SIBLINGS, [], output_field=ArrayField(models.UUIDField()))  # noqa: S611
        return self.annotate(siblings=siblings).select_related("turn").prefetch_related("attachments")


class Message(models.Model):
    class Role(models.TextChoices):
        USER = "user"
        ASSISTANT = "assistant"

    class State(models.TextChoices):
        STREAMING = "streaming"
        COMPLETED = "completed"
        INCOMPLETE = "incomplete"  # broken off, with what was delivered
        FAILED = "failed"  # nothing was delivered

    class Feedback(models.TextChoices):
        UP = "up"
        DOWN = "down"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    conversation = models.ForeignKey(Conversation, on_delete=models.CASCADE, related_name="messages")
    user = models.ForeignKey(
        User, on_delete=models.CASCADE, null=True, related_name="messages", help_text="Who asked, of a reply too."
    )
    parent = models.ForeignKey(
        "self", on_delete=models.SET_NULL, null=True, related_name="answers", help_text="What it goes on from."
    )
    role = models.CharField(max_length=10, choices=Role)
    state = models.CharField(max_length=10, choices=State, default=State.COMPLETED)
    text = models.TextField(blank=True)
    feedback = models.CharField(max_length=4, choices=Feedback, blank=True)
    stop_asked_at = models.DateTimeField(null=True, help_text="When somebody asked that this reply end.")
    created_at = models.DateTimeField()
    updated_at = models.DateTimeField()

    objects = MessageQuerySet.as_manager()

    class Meta:
        ordering = ["created_at"]
        indexes: ClassVar = [models.Index(fields=["conversation", "created_at"])]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["conversation"], condition=Q(state="streaming"), name="one_streaming_message_per_conversation"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.role} at {self.created_at:%Y-%m-%d %H:%M}"


class Attachment(models.Model):
    """A file that somebody gave along with what they said. It belongs to nothing until a message takes it."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    workspace = models.ForeignKey(Workspace, on_delete=models.CASCADE, related_name="attachments")
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="attachments")
    message = models.ForeignKey(Message, on_delete=models.CASCADE, null=True, related_name="attachments")
    place = models.PositiveSmallIntegerField(default=0, help_text="Among its message's, from 1; 0 without one.")
    name = models.CharField(max_length=200)
    media_type = models.CharField(max_length=40, help_text="As its content has it.")
    size = models.PositiveIntegerField(help_text="Bytes.")
    tokens = models.PositiveIntegerField(help_text="What it takes of a prompt, estimated.")
    file = models.CharField(max_length=200, help_text="Its name in the storage.")
    created_at = models.DateTimeField()

    class Meta:
        ordering = ["place", "created_at"]
        indexes: ClassVar = [models.Index(fields=["message"]), models.Index(fields=["workspace", "-created_at"])]

    def __str__(self) -> str:
        return str(self.pk)
