from django.urls import URLPattern, path

from assistants.crew import views
from assistants.models import Job

Kind = Job.Kind


def of_each(kind: Kind) -> list[URLPattern]:
    """What strategies, operations and deliverables have alike."""
    one = f"assistants/{views.WHERE[kind]}/<uuid:job_id>"
    return [
        path(one, views.JobDetailView.as_view(kind=kind)),
        path(f"{one}/events", views.events, {"kind": kind}),
        path(f"{one}/cancel", views.JobCancelView.as_view(kind=kind)),
        path(f"{one}/export", views.JobExportView.as_view(kind=kind)),
    ]


urlpatterns = [
    path("assistants/strategies", views.StrategyListView.as_view()),
    path("assistants/strategies/crew", views.StrategyCrewView.as_view()),
    *of_each(Kind.STRATEGY),
    path("assistants/operations", views.JobListView.as_view(kind=Kind.OPERATION)),
    path("assistants/operations/types", views.OperationTypesView.as_view()),
    path("assistants/operations/execute", views.execute),
    path("assistants/operations/statistics", views.StatisticsListView.as_view()),
    *of_each(Kind.OPERATION),
    path("assistants/deliverables", views.JobListView.as_view(kind=Kind.DELIVERABLE)),
    path("assistants/deliverables/types", views.DeliverableTypesView.as_view()),
    *of_each(Kind.DELIVERABLE),
    path("coaching/projects/<uuid:project_id>/deliverables", views.ProjectDeliverableListView.as_view()),
]
