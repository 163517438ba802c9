"""The whole product's addresses, as a table."""

from django.contrib import admin
from django.contrib.auth.views import LogoutView
from django.urls import include, path
from drf_spectacular.views import SpectacularRedocView, SpectacularSwaggerView

from accounts import pages
from analytics import views as system
from assistants import pages as assistant_pages
from billing import demo_pages
from billing import pages as billing_pages
from config.views import SchemaView

admin.site.site_header = admin.site.site_title = "Stipend"
admin.site.index_title = "Console"

# Its pages link to these names. Its sessions are the console's.
BROWSABLE_API = [
    path("login/", admin.site.login, name="login"),
    path("logout/", LogoutView.as_view(next_page="/api/docs"), name="logout"),
]

urlpatterns = [
    path("", system.index),
    path("health/", system.health),
    path("health/live", system.live),
    path("health/ready", system.ready),
    path("metrics", system.metrics),
    path("v1/", include("assistants.wire.urls")),
    path("api/v1/", include("accounts.urls")),
    path("api/v1/", include("billing.urls")),
    path("api/v1/", include("quotas.urls")),
    path("api/v1/", include("assistants.urls")),
    path("api/v1/", include("assistants.crew.urls")),
    path("api/v1/", include("assistants.coaching.urls")),
    path("api/v1/", include("analytics.urls")),
    path("account/", pages.show),
    path("account/billing", billing_pages.show),
    path("account/strategies", assistant_pages.strategies),
    path("account/operations", assistant_pages.operations),
    path("account/<slug:name>", pages.show),
    path("billing/demo/checkout/<slug:session_id>", demo_pages.checkout),
    path("billing/demo/portal/<slug:session_id>", demo_pages.portal),
    path("billing/demo/invoices/<slug:invoice_id>", demo_pages.invoice),
    path("billing/demo/invoices/<slug:invoice_id>.pdf", demo_pages.invoice_pdf),
    path("api/schema", SchemaView.as_view(), name="schema"),
    path("api/docs", SpectacularSwaggerView.as_view(url_name="schema", http_method_names=["get", "head"])),
    path("api/redoc", SpectacularRedocView.as_view(url_name="schema", http_method_names=["get", "head"])),
    path("api/session/", include((BROWSABLE_API, "rest_framework"))),
    path("admin/", admin.site.urls),
]

handler404 = "config.errors.not_found"
handler500 = "config.errors.server_error"
