from __future__ import annotations

from typing import Any

from rest_framework import serializers

from assistants.models import CreatorProfile, Decision, Project

DOLLARS = "Whole US dollars, estimated."


class PlatformView(serializers.Serializer[Any]):
    name = serializers.CharField(max_length=60)
    handle = serializers.CharField(max_length=120, default="", allow_blank=True)
    followers = serializers.IntegerField(min_value=0, max_value=10**10, default=0)


class CreatorProfileChange(serializers.Serializer[Any]):
    """What is left out is as if it had never been told."""

    platforms = serializers.ListField(child=PlatformView(), default=list, max_length=20)
    niche = serializers.CharField(max_length=120, default="", allow_blank=True)
    audience = serializers.CharField(max_length=4000, default="", allow_blank=True)
    goals = serializers.CharField(max_length=4000, default="", allow_blank=True)
    hours_per_week = serializers.IntegerField(min_value=1, max_value=168, default=None, allow_null=True)
    experience = serializers.ChoiceField(
        choices=[*CreatorProfile.Experience.choices, ("", "Unknown")], default="", allow_blank=True
    )


class ProfileView(serializers.ModelSerializer[CreatorProfile]):
    platforms = PlatformView(many=True)

    class Meta:
        model = CreatorProfile
        fields = [
            "platforms",
            "niche",
            "audience",
            "goals",
            "hours_per_week",
            "experience",
            "created_at",
            "updated_at",
        ]


class RevenueView(serializers.Serializer[Any]):
    least = serializers.IntegerField(help_text=DOLLARS)
    most = serializers.IntegerField(help_text=DOLLARS)
    every = serializers.ChoiceField(choices=["month", "year", "launch"])


class TemplateLine(serializers.Serializer[Any]):
    slug = serializers.CharField()
    title = serializers.CharField()
    category = serializers.CharField()
    summary = serializers.CharField()
    revenue = RevenueView(help_text="What such projects may bring, no promise.")
    audience_needed = serializers.IntegerField(help_text="Followers, about.")
    hours = serializers.IntegerField(help_text="Of work in all, estimated.")
    cost = serializers.IntegerField(help_text=DOLLARS)


class TaskTemplateView(serializers.Serializer[Any]):
    key = serializers.CharField()
    title = serializers.CharField()
    description = serializers.CharField()
    hours = serializers.IntegerField(help_text="Of work, estimated.")
    cost = serializers.IntegerField(help_text=DOLLARS)
    tips = serializers.ListField(child=serializers.CharField())
    pitfalls = serializers.ListField(child=serializers.CharField())
    decides = serializers.ListField(
        child=serializers.ChoiceField(Decision.Category.choices), help_text="Decisions that are due in it."
    )


class PhaseTemplateView(serializers.Serializer[Any]):
    key = serializers.CharField()
    title = serializers.CharField()
    goal = serializers.CharField()
    tasks = TaskTemplateView(many=True)


class TemplateView(TemplateLine):
    why = serializers.ListField(child=serializers.CharField(), help_text="Why it works.")
    phases = PhaseTemplateView(many=True)


class PlannedTask(TaskTemplateView):
    left_out = serializers.BooleanField()


class PlannedPhase(serializers.Serializer[Any]):
    key = serializers.CharField()
    title = serializers.CharField()
    goal = serializers.CharField()
    hours = serializers.IntegerField()
    weeks = serializers.ListField(child=serializers.IntegerField(), help_text="The first and the last, from 1.")
    tasks = PlannedTask(many=True)


class ProjectPlanView(serializers.Serializer[Any]):
    title = serializers.CharField()
    category = serializers.CharField()
    summary = serializers.CharField()
    revenue = RevenueView(help_text="What such projects may bring, no promise.")
    why = serializers.ListField(child=serializers.CharField(), help_text="Yours first.")
    hours = serializers.IntegerField(help_text="Of work, estimated.")
    cost = serializers.IntegerField(help_text=DOLLARS)
    hours_per_week = serializers.IntegerField()
    weeks = serializers.IntegerField()
    phases = PlannedPhase(many=True)


class ProjectLine(serializers.ModelSerializer[Project]):
    class Meta:
        model = Project
        fields = [
            "id",
            "template",
            "title",
            "status",
            "is_shared",
            "user_id",
            "created_at",
            "updated_at",
            "finished_at",
        ]


class ProjectView(ProjectLine):
    plan = ProjectPlanView()

    class Meta(ProjectLine.Meta):
        fields = [*ProjectLine.Meta.fields, "plan"]


class NewProject(serializers.Serializer[Any]):
    template = serializers.SlugField(max_length=60)
    title = serializers.CharField(max_length=200, default="", allow_blank=True, help_text="Else the template's.")
    model = serializers.CharField(max_length=80, required=False, help_text="That coaches. Left out: the default model.")
    is_shared = serializers.BooleanField(default=False, help_text="With every member of the workspace.")


class PlannedTaskChange(serializers.Serializer[Any]):
    title = serializers.CharField(max_length=200, required=False)
    description = serializers.CharField(max_length=1000, required=False)
    hours = serializers.IntegerField(min_value=0, max_value=10_000, required=False)
    cost = serializers.IntegerField(min_value=0, max_value=1_000_000, required=False, help_text=DOLLARS)
    left_out = serializers.BooleanField(required=False)


class PlanChange(serializers.Serializer[Any]):
    tasks = serializers.DictField(child=PlannedTaskChange(), help_text="By the keys of tasks.")


class ProjectChange(serializers.Serializer[Any]):
    title = serializers.CharField(max_length=200, required=False)
    status = serializers.ChoiceField(Project.Status.choices, required=False)
    is_shared = serializers.BooleanField(required=False)
    plan = PlanChange(required=False)


class TaskView(PlannedTask):
    phase = serializers.CharField()
    done = serializers.BooleanField()
    done_at = serializers.DateTimeField(allow_null=True)
    done_by = serializers.UUIDField(allow_null=True)
    notes = serializers.CharField()


class TaskChange(serializers.Serializer[Any]):
    done = serializers.BooleanField(required=False)
    notes = serializers.CharField(max_length=4000, required=False, allow_blank=True)


class ProjectDecisionView(serializers.ModelSerializer[Decision]):
    class Meta:
        model = Decision
        fields = [
            "id",
            "category",
            "text",
            "rationale",
            "confidence",
            "tasks",
            "user_id",
            "message_id",
            "superseded_by",
            "superseded_at",
            "created_at",
        ]


class NewDecision(serializers.Serializer[Any]):
    category = serializers.ChoiceField(Decision.Category.choices)
    text = serializers.CharField(max_length=2000)
    rationale = serializers.CharField(max_length=2000, default="", allow_blank=True)


class ShareView(serializers.Serializer[Any]):
    tasks = serializers.IntegerField()
    done = serializers.IntegerField()
    percent = serializers.IntegerField()
    hours_left = serializers.IntegerField()
    cost_left = serializers.IntegerField(help_text=DOLLARS)


class PhaseShare(ShareView):
    key = serializers.CharField()
    title = serializers.CharField()


class ProgressView(serializers.Serializer[Any]):
    overall = ShareView()
    weeks_left = serializers.IntegerField(help_text="At the plan's hours a week.")
    phases = PhaseShare(many=True)
    next_tasks = TaskView(many=True)
