from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from assistants.crew import charges, roles
from assistants.models import Job, Step


class JobsQuery(serializers.Serializer[Any]):
    type = serializers.CharField(required=False, max_length=40)
    state = serializers.ChoiceField(Job.State.choices, required=False)
    session = serializers.CharField(required=False, max_length=80)
    search = serializers.CharField(required=False, max_length=200, allow_blank=True, help_text="In titles.")


class NewStrategy(serializers.Serializer[Any]):
    brief = serializers.DictField(help_text="What the crew works on, as `strategies/crew` describes it.")
    model = serializers.CharField(
        max_length=80, default="", allow_blank=True, help_text="For every role; left out: each role's own."
    )


class NewDeliverable(serializers.Serializer[Any]):
    type = serializers.CharField(max_length=40, help_text="One of `assistants/deliverables/types`.")
    wishes = serializers.CharField(
        max_length=2000, default="", allow_blank=True, help_text="What it should pay attention to."
    )
    model = serializers.CharField(max_length=80, default="", allow_blank=True)


class RoleView(serializers.Serializer[Any]):
    slug = serializers.CharField()
    name = serializers.CharField()
    does = serializers.CharField()
    result = serializers.DictField(source="output", help_text="The JSON Schema of what it gives.")


class CrewView(serializers.Serializer[Any]):
    """Who does it, and what they want to know: `brief` is a JSON Schema. What the last of them gives is the result."""

    type = serializers.CharField(source="slug")
    name = serializers.CharField()
    description = serializers.CharField()
    roles = RoleView(many=True)
    brief = serializers.DictField(source="input")


class NextPrice(serializers.Serializer[Any]):
    """Of the next operation. Beyond what the plan and credits have left, it costs `unit_price`, or is refused without
    one. Whether there are tokens for it is seen when it is asked for."""

    meter = serializers.CharField(default="operations")
    limit = serializers.IntegerField(allow_null=True)
    remaining = serializers.IntegerField(allow_null=True)
    unit_price = serializers.IntegerField(allow_null=True, help_text="Minor units of `currency`.")
    amount = serializers.IntegerField(help_text="What the next one costs beside the plan.")
    is_refused = serializers.BooleanField()
    currency = serializers.CharField(default="USD")


class TypesView(serializers.Serializer[Any]):
    types = CrewView(many=True)
    price = NextPrice()


class StepView(serializers.ModelSerializer[Step]):
    result = serializers.JSONField(source="output")
    demo = serializers.SerializerMethodField()

    class Meta:
        model = Step
        fields = [
            "position",
            "role",
            "result",
            "model",
            "provider",
            "demo",
            "input_tokens",
            "cache_write_5m_tokens",
            "cache_write_1h_tokens",
            "cache_read_tokens",
            "output_tokens",
            "cost",
            "tries",
            "duration_ms",
            "finished_at",
        ]

    def get_demo(self, step: Step) -> bool:
        return step.provider == "demo"


class JobSummary(serializers.ModelSerializer[Job]):
    """`steps_done` of `steps_in_all` have finished. `type` is the crew's."""

    type = serializers.CharField(source="crew")
    steps_done = serializers.IntegerField(source="step")
    user_id = serializers.UUIDField()
    project_id = serializers.UUIDField(allow_null=True)
    steps_in_all = serializers.SerializerMethodField()
    duration_ms = serializers.SerializerMethodField()

    class Meta:
        model = Job
        fields = [
            "id",
            "kind",
            "type",
            "title",
            "session",
            "model",
            "state",
            "error",
            "steps_done",
            "steps_in_all",
            "request_id",
            "user_id",
            "project_id",
            "created_at",
            "started_at",
            "finished_at",
            "cancel_asked_at",
            "duration_ms",
        ]

    def get_steps_in_all(self, job: Job) -> int:
        crew = roles.crews().get(job.crew)
        return len(crew.roles) if crew else job.step

    def get_duration_ms(self, job: Job) -> int | None:
        if job.started_at is None or job.finished_at is None:
            return None
        return round((job.finished_at - job.started_at).total_seconds() * 1000)


class ChargesView(serializers.Serializer[Any]):
    """By the ledger; of it `beyond` units were beyond the plan, for `amount` minor units of `currency`."""

    spent = serializers.DictField(child=serializers.IntegerField(), help_text="By meter; cost in micro-USD.")
    beyond = serializers.IntegerField()
    amount = serializers.IntegerField()
    currency = serializers.CharField(default="USD")


class JobView(JobSummary):
    steps = StepView(many=True)
    brief = serializers.SerializerMethodField()
    held = serializers.SerializerMethodField(help_text="By meter, for as long as it has not ended.")
    charged = serializers.SerializerMethodField()
    demo = serializers.SerializerMethodField(help_text="Whether no model was asked for any of it.")

    class Meta(JobSummary.Meta):
        fields = [*JobSummary.Meta.fields, "brief", "context", "held", "result", "steps", "charged", "demo"]

    def get_brief(self, job: Job) -> Any:
        """Of a deliverable what was wished: the rest is the project, which not all who see this may know as well."""
        return {"wishes": job.brief.get("wishes", "")} if job.kind == Job.Kind.DELIVERABLE else job.brief

    def get_held(self, job: Job) -> dict[str, int]:
        return job.held if job.state in Job.UNFINISHED else {}

    def get_demo(self, job: Job) -> bool:
        return any(step.provider == "demo" for step in job.steps.all())

    @extend_schema_field(ChargesView)
    def get_charged(self, job: Job) -> Any:
        return ChargesView(charges.of(job)).data


class CountView(serializers.Serializer[Any]):
    count = serializers.IntegerField()
    cost = serializers.IntegerField(help_text="Micro-USD.")
    tokens = serializers.IntegerField()
    average_ms = serializers.IntegerField(help_text="From the beginning of the work to its end.")


class StatisticsView(serializers.Serializer[Any]):
    total = CountView()
    by_type = serializers.DictField(child=CountView())
    by_state = serializers.DictField(child=CountView())
    by_day = serializers.DictField(child=CountView(), help_text="By date of the workspace's clock, every one of them.")
