from django.contrib import admin
from django.db.models import Model, QuerySet
from django.http import HttpRequest
from django.template.response import TemplateResponse
from django.utils.timezone import now
from unfold.admin import TabularInline

from accounts.admin import DiscreetAdmin, RecordedAdmin, staff_of
from accounts.admin.asking import Question, Reason, answer, ask
from assistants import oversight
from assistants.admin.reading import ReadableAdmin
from assistants.errors import JobEnded
from assistants.models import (
    Attachment,
    Conversation,
    CreatorProfile,
    Decision,
    Job,
    LanguageModel,
    Message,
    ModelPrice,
    Project,
    Step,
    Task,
    Turn,
)
from billing import money
from quotas.admin import LedgerAdmin

CANCEL = Question(
    "cancel",
    "Cancel these jobs?",
    "One that waits ends now, one that runs within seconds. Steps that have finished stay, and stay charged.",
    "Cancel them",
)


class ModelPriceInline(TabularInline):
    model = ModelPrice
    extra = 0


@admin.register(LanguageModel)
class LanguageModelAdmin(RecordedAdmin):
    list_display = ["name", "slug", "provider", "rank", "is_offered"]
    inlines = [ModelPriceInline]


@admin.register(ModelPrice)
class ModelPriceAdmin(RecordedAdmin):
    list_display = [
        "model",
        "valid_from",
        "prompt_over",
        "input",
        "output",
        "cache_write_5m",
        "cache_write_1h",
        "cache_read",
    ]
    list_filter = ["model"]


@admin.register(Conversation)
class ConversationAdmin(ReadableAdmin):
    """Who talks, and when; what they say is theirs."""

    why = "What is said is theirs. Who may read it says why, and the workspace's owner sees in the log that they did."
    passages = staticmethod(oversight.read_conversation)
    actions = ["read"]
    list_display = ["id", "workspace", "model", "created_at", "archived_at", "deleted_at"]
    list_filter = ["model"]
    search_fields = ["workspace__email"]
    list_select_related = ["workspace"]
    fields = ("id", "workspace", "user", "model", "created_at", "updated_at", "archived_at", "deleted_at")


@admin.register(Message)
class MessageAdmin(RecordedAdmin, DiscreetAdmin):
    list_display = ["id", "conversation_id", "role", "state", "feedback", "created_at"]
    list_filter = ["role", "state", "feedback"]
    fields = ("id", "role", "state", "feedback", "created_at", "updated_at")
    readonly_fields = fields

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False


@admin.register(Attachment)
class AttachmentAdmin(LedgerAdmin):
    """What there is, and how much of it; what it says is theirs."""

    why = "A file is its sender's, so here is only told that there is one."
    list_display = ["id", "workspace", "media_type", "size", "tokens", "created_at"]
    list_filter = ["media_type"]
    list_select_related = ["workspace"]
    fields = ("id", "workspace", "user", "media_type", "size", "tokens", "created_at")


@admin.register(Turn)
class TurnAdmin(LedgerAdmin):
    why = "A turn is the record of a call that was charged, so it is read here and never edited."
    list_display = ["request_id", "workspace", "road", "model", "provider", "outcome", "basis"]
    list_display += ["tokens_in", "output_tokens", "costs", "duration_ms", "created_at"]
    list_filter = ["outcome", "road", "basis", "provider", "model"]
    search_fields = ["request_id", "workspace__email"]
    list_select_related = ["workspace"]

    @admin.display(description="input tokens")
    def tokens_in(self, turn: Turn) -> int:
        """Those of the cache among them."""
        written = turn.cache_write_5m_tokens + turn.cache_write_1h_tokens
        return turn.input_tokens + written + turn.cache_read_tokens

    @admin.display(description="cost", ordering="cost")
    def costs(self, turn: Turn) -> str:
        return money.micro_usd(turn.cost)


class CoachingAdmin(RecordedAdmin, DiscreetAdmin):
    """That there is something, and when; what creators tell, plan and note is theirs."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False


@admin.register(CreatorProfile)
class CreatorProfileAdmin(CoachingAdmin):
    list_display = ["user_id", "experience", "hours_per_week", "created_at", "updated_at"]
    list_filter = ["experience"]
    fields = ("user", "experience", "hours_per_week", "created_at", "updated_at")


@admin.register(Project)
class ProjectAdmin(CoachingAdmin):
    list_display = ["id", "workspace", "template", "status", "slot", "is_shared", "created_at", "finished_at"]
    list_filter = ["status", "template", "is_shared"]
    search_fields = ["workspace__email"]
    list_select_related = ["workspace"]
    fields = ("id", "workspace", "user", "template", "status", "slot", "is_shared", "created_at", "finished_at")


@admin.register(Task)
class TaskAdmin(CoachingAdmin):
    list_display = ["id", "project_id", "key", "done_at", "updated_at"]
    fields = ("key", "done_at", "updated_at")


@admin.register(Decision)
class DecisionAdmin(CoachingAdmin):
    list_display = ["id", "project_id", "category", "confidence", "created_at", "superseded_at"]
    list_filter = ["category", "confidence"]
    fields = ("id", "category", "confidence", "tasks", "created_at", "superseded_at")


@admin.register(Job)
class JobAdmin(ReadableAdmin):
    """Who had a crew work, on what kind of thing, and how it went; what they wanted is theirs."""

    why = "A job is its customer's, and what its steps took was charged: it can be cancelled here and never edited."
    passages = staticmethod(oversight.read_job)
    actions = ["cancel", "read"]
    list_display = ["id", "workspace", "kind", "crew", "state", "error", "step", "tries", "created_at", "finished_at"]
    list_filter = ["kind", "state", "crew", "error"]
    search_fields = ["request_id", "workspace__email"]
    list_select_related = ["workspace"]
    fields = (
        "id",
        "workspace",
        "user",
        "kind",
        "crew",
        "model",
        "state",
        "error",
        "step",
        "tries",
        "request_id",
        "created_at",
        "started_at",
        "finished_at",
        "deleted_at",
    )

    @admin.action(description="Cancel", permissions=["act"])
    def cancel(self, request: HttpRequest, chosen: QuerySet[Job]) -> TemplateResponse | None:
        """Asks why before it does so."""
        why = answer(request, Reason)
        if not why.is_valid():
            return ask(self, request, chosen, CANCEL, why)
        jobs, asked = list(chosen.filter(cancel_asked_at=None)), chosen.count()
        done = sum(_cancelled(job, request, why.cleaned_data["reason"]) for job in jobs)
        self.told(request, done, asked, "cancelled", "had ended, or were asked to before")
        return None


def _cancelled(job: Job, request: HttpRequest, reason: str) -> bool:
    try:
        oversight.cancel_job(job, by=staff_of(request), reason=reason, at=now())
    except JobEnded:
        return False
    return True


@admin.register(Step)
class StepAdmin(LedgerAdmin):
    why = "A step was charged as it was kept, so it is read here and never edited."
    list_display = ["job_id", "position", "role", "model", "provider", "costs", "tries", "duration_ms", "finished_at"]
    list_filter = ["role", "provider", "model"]
    search_fields = ["job__request_id"]
    exclude = ["output"]

    @admin.display(description="cost", ordering="cost")
    def costs(self, step: Step) -> str:
        return money.micro_usd(step.cost)
