"""A creator, their projects, and what was decided and done in them."""

from __future__ import annotations

import uuid
from typing import ClassVar, Self

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q

from accounts.models import User, Workspace
from assistants.models.conversations import Conversation, Message


class CreatorProfile(models.Model):
    class Experience(models.TextChoices):
        BEGINNER = "beginner"
        INTERMEDIATE = "intermediate"
        ADVANCED = "advanced"

    user = models.OneToOneField(User, on_delete=models.CASCADE, primary_key=True, related_name="creator_profile")
    platforms = models.JSONField(default=list, help_text="Each with its `name`, `handle` and `followers`.")
    niche = models.CharField(max_length=120, blank=True)
    audience = models.TextField(blank=True)
    goals = models.TextField(blank=True)
    hours_per_week = models.PositiveSmallIntegerField(null=True)
    experience = models.CharField(max_length=12, choices=Experience, blank=True)
    created_at = models.DateTimeField()
    updated_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"profile of {self.user_id}"


class ProjectQuerySet(models.QuerySet["Project"]):
    def seen_by(self, user_id: uuid.UUID, workspace_id: uuid.UUID) -> Self:
        """Their own in this workspace, and those that others share in it."""
        return self.filter(Q(user_id=user_id) | Q(is_shared=True), workspace_id=workspace_id)


class Project(models.Model):
    """A plan made from a template, for one creator."""

    class Status(models.TextChoices):
        ACTIVE = "active"
        PAUSED = "paused"
        COMPLETED = "completed"
        ABANDONED = "abandoned"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    workspace = models.ForeignKey(Workspace, on_delete=models.CASCADE, related_name="projects")
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="projects")
    template = models.SlugField(max_length=60)
    title = models.CharField(max_length=200)
    plan = models.JSONField(help_text="The template as it was made this creator's own.")
    status = models.CharField(max_length=10, choices=Status, default=Status.ACTIVE)
    slot = models.PositiveSmallIntegerField(default=0, help_text="Which of the active projects a plan allows this is.")
    is_shared = models.BooleanField(default=False, help_text="With every member of the workspace.")
    conversation = models.OneToOneField(Conversation, on_delete=models.CASCADE, related_name="project")
    created_at = models.DateTimeField()
    updated_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True)

    objects = ProjectQuerySet.as_manager()

    class Meta:
        ordering = ["-created_at"]
        constraints: ClassVar = [
            # With one slot, one active project for each person; a plan may allow more.
            models.UniqueConstraint(
                fields=["user", "slot"], condition=Q(status="active"), name="one_active_project_in_each_slot"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.template} {self.id}"


class Task(models.Model):
    """What was done, and noted, of a task of a project's plan."""

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="tasks")
    key = models.SlugField(max_length=60, help_text="The task's id in the plan.")
    notes = models.TextField(blank=True)
    done_at = models.DateTimeField(null=True)
    done_by = models.ForeignKey(User, on_delete=models.SET_NULL, null=True, related_name="+")
    message = models.ForeignKey(
        Message, on_delete=models.SET_NULL, null=True, related_name="+", help_text="In which it was said, if it was."
    )
    updated_at = models.DateTimeField()

    class Meta:
        ordering = ["pk"]
        constraints: ClassVar = [models.UniqueConstraint(fields=["project", "key"], name="each_task_once")]

    def __str__(self) -> str:
        return self.key


class Decision(models.Model):
    """What was decided. A later one of its category takes its place, and both are kept."""

    class Category(models.TextChoices):
        PRICING = "pricing"
        PLATFORM = "platform"
        STRUCTURE = "structure"
        TIMELINE = "timeline"
        CONTENT = "content"

    class Confidence(models.TextChoices):
        HIGH = "high"
        MEDIUM = "medium"
        LOW = "low"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="decisions")
    user = models.ForeignKey(User, on_delete=models.SET_NULL, null=True, related_name="+")
    message = models.ForeignKey(Message, on_delete=models.SET_NULL, null=True, related_name="decisions")
    category = models.CharField(max_length=10, choices=Category)
    text = models.TextField(help_text="What was decided, in their words.")
    rationale = models.TextField(blank=True)
    confidence = models.CharField(max_length=6, choices=Confidence)
    tasks = ArrayField(models.SlugField(max_length=60), default=list, help_text="The plan's tasks that it settles.")
    superseded_by = models.ForeignKey("self", on_delete=models.SET_NULL, null=True, related_name="supersedes")
    superseded_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField()

    class Meta:
        ordering = ["-created_at"]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["project", "category"],
                condition=Q(superseded_at__isnull=True),
                name="one_decision_stands_in_each_category",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.category} {self.id}"
