"""Work that a crew does step by step: strategies, operations, deliverables."""

from __future__ import annotations

import uuid
from typing import ClassVar, Self

from django.db import models
from django.db.models import Q

from accounts.models import ApiKey, User, Workspace
from assistants.models.coaching import Project
from quotas.models import Reservation


class JobQuerySet(models.QuerySet["Job"]):
    def of(self, workspace_id: uuid.UUID) -> Self:
        """What this workspace made and has not deleted."""
        return self.filter(workspace_id=workspace_id, deleted_at=None)


class Job(models.Model):
    """A brief that a crew works on. What its finished steps took is charged, and nothing else."""

    class Kind(models.TextChoices):
        STRATEGY = "strategy"
        OPERATION = "operation"
        DELIVERABLE = "deliverable"

    class State(models.TextChoices):
        QUEUED = "queued"
        RUNNING = "running"
        COMPLETED = "completed"
        FAILED = "failed"  # with the results of the steps before
        CANCELLED = "cancelled"  # likewise

    UNFINISHED = [State.QUEUED, State.RUNNING]

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    workspace = models.ForeignKey(Workspace, on_delete=models.CASCADE, related_name="jobs")
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="jobs")
    api_key = models.ForeignKey(ApiKey, on_delete=models.SET_NULL, null=True, related_name="jobs")
    project = models.ForeignKey(Project, on_delete=models.CASCADE, null=True, related_name="jobs")
    kind = models.CharField(max_length=12, choices=Kind)
    crew = models.SlugField(max_length=40)
    title = models.CharField(max_length=200)
    brief = models.JSONField(help_text="What was asked, as the crew's schema has it.")
    context = models.JSONField(default=dict, help_text="What the client keeps with it.")
    session = models.CharField(max_length=80, blank=True, help_text="The client's word for what belongs together.")
    model = models.CharField(max_length=80, blank=True, help_text="For every step; blank: each role's own.")
    state = models.CharField(max_length=10, choices=State, default=State.QUEUED)
    error = models.CharField(max_length=40, blank=True)
    result = models.JSONField(null=True, help_text="What the last step gave.")
    step = models.PositiveSmallIntegerField(default=0, help_text="How many steps have finished.")
    request_id = models.CharField(max_length=40, db_index=True)
    reservation = models.ForeignKey(
        Reservation, on_delete=models.PROTECT, null=True, related_name="jobs", help_text="What is held for it now."
    )
    held = models.JSONField(default=dict, help_text="Of each meter that a limit speaks of.")
    claim = models.UUIDField(null=True, help_text="Of whoever works on it.")
    leased_until = models.DateTimeField(help_text="Until then nobody else takes it.")
    tries = models.PositiveSmallIntegerField(default=0)
    created_at = models.DateTimeField()
    started_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)
    cancel_asked_at = models.DateTimeField(null=True)
    deleted_at = models.DateTimeField(null=True)

    objects = JobQuerySet.as_manager()

    class Meta:
        ordering = ["-created_at"]
        permissions: ClassVar = [("read_job", "Can read the brief and the results of a job, with a reason")]
        indexes: ClassVar = [
            models.Index(fields=["workspace", "kind", "-created_at"]),
            models.Index(fields=["leased_until"], condition=Q(state__in=["queued", "running"]), name="jobs_to_be_done"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.pk}"


class Step(models.Model):
    """A step that has finished: done once, charged once, whatever becomes of the worker."""

    job = models.ForeignKey(Job, on_delete=models.CASCADE, related_name="steps")
    position = models.PositiveSmallIntegerField()
    role = models.SlugField(max_length=40)
    output = models.JSONField()
    reservation = models.ForeignKey(Reservation, on_delete=models.PROTECT, related_name="steps")
    model = models.CharField(max_length=80)
    provider = models.CharField(max_length=20)
    input_tokens = models.BigIntegerField()
    cache_write_5m_tokens = models.BigIntegerField()
    cache_write_1h_tokens = models.BigIntegerField()
    cache_read_tokens = models.BigIntegerField()
    output_tokens = models.BigIntegerField()
    cost = models.BigIntegerField(help_text="Micro-USD.")
    tries = models.PositiveSmallIntegerField(help_text="How many answers it took.")
    duration_ms = models.PositiveIntegerField()
    finished_at = models.DateTimeField()

    class Meta:
        ordering = ["position"]
        constraints: ClassVar = [models.UniqueConstraint(fields=["job", "position"], name="each_step_once")]
        indexes: ClassVar = [models.Index(fields=["finished_at"], name="steps_of_a_day")]

    def __str__(self) -> str:
        return f"{self.role} of {self.job_id}"
