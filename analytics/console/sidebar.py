"""Where staff go, by what they want to do. What somebody may not see is not offered."""

from __future__ import annotations

from typing import Any, Final

from django.apps import apps
from django.contrib import admin
from django.http import HttpRequest
from django.urls import reverse

from analytics.console import margins, revenue, what_if

SIDEBAR: Final[dict[str, list[tuple[str, str, str]]]] = {
    "Customers": [
        ("Workspaces", "groups", "accounts.Workspace"),
        ("People", "person", "accounts.User"),
        ("Members", "badge", "accounts.Membership"),
        ("Invitations", "mail", "accounts.Invitation"),
        ("Sessions", "devices", "accounts.TokenFamily"),
        ("API keys", "key", "accounts.ApiKey"),
        ("Second factors", "lock", "mfa.Authenticator"),
        ("Log-ins by providers", "login", "socialaccount.SocialAccount"),
    ],
    "Money": [
        ("Subscriptions", "autorenew", "billing.Subscription"),
        ("Invoices", "receipt_long", "billing.Invoice"),
        ("Recurring revenue", "trending_up", "billing.RecurringRevenue"),
        ("Pack purchases", "shopping_bag", "billing.PackPurchase"),
        ("Used beyond plans", "add_circle", "billing.Overage"),
        ("Customers at the gateway", "credit_card", "billing.Customer"),
        ("Stripe's events", "webhook", "billing.StripeEvent"),
        ("What events did", "task_alt", "billing.Effect"),
        ("The demo gateway", "science", "billing.Simulated"),
    ],
    "What is sold": [
        ("Plans", "sell", "billing.Plan"),
        ("Limits of plans", "speed", "billing.PlanLimit"),
        ("Prices", "payments", "billing.Price"),
        ("Packs", "inventory_2", "billing.CreditPack"),
        ("Codes", "redeem", "quotas.Promotion"),
        ("Models", "smart_toy", "assistants.LanguageModel"),
        ("What models cost", "price_change", "assistants.ModelPrice"),
    ],
    "Allowance": [
        ("Limits in use", "data_usage", "quotas.Bucket"),
        ("Credits", "savings", "quotas.Grant"),
        ("Automatic packs", "sync", "quotas.TopUp"),
        ("Notices", "campaign", "quotas.Notice"),
        ("Decisions", "rule", "quotas.Decision"),
        ("Reservations", "hourglass_top", "quotas.Reservation"),
        ("Holds", "pan_tool", "quotas.Hold"),
        ("Ledger", "menu_book", "quotas.Entry"),
        ("Sums by the hour", "functions", "quotas.Rollup"),
    ],
    "What they do": [
        ("Conversations", "forum", "assistants.Conversation"),
        ("Messages", "chat", "assistants.Message"),
        ("Attachments", "attach_file", "assistants.Attachment"),
        ("Model calls", "bolt", "assistants.Turn"),
        ("Jobs", "engineering", "assistants.Job"),
        ("Steps of jobs", "footprint", "assistants.Step"),
        ("Creators", "face", "assistants.CreatorProfile"),
        ("Projects", "flag", "assistants.Project"),
        ("Tasks", "checklist", "assistants.Task"),
        ("Decisions of projects", "gavel", "assistants.Decision"),
    ],
    "Watching": [
        ("Alerts", "notifications_active", "analytics.Alert"),
        ("Alert rules", "tune", "analytics.AlertRule"),
        ("Incident credits", "healing", "analytics.Incident"),
        ("Who got them", "volunteer_activism", "analytics.Compensation"),
        ("Feed", "rss_feed", "analytics.Event"),
        ("Webhooks", "send", "analytics.Webhook"),
        ("Deliveries", "local_shipping", "analytics.Delivery"),
        ("Tickets of the feed", "confirmation_number", "analytics.Ticket"),
    ],
    "Sums": [
        ("By day, plan and model", "calendar_month", "analytics.UsageDay"),
        ("By day and kind", "category", "analytics.KindDay"),
        ("By customer and day", "person_search", "analytics.CustomerDay"),
        ("By customer and month", "leaderboard", "analytics.CustomerMonth"),
        ("Counted each minute", "timer", "analytics.KeptFigure"),
    ],
    "The house": [
        ("Audit log", "history", "accounts.AuditEntry"),
        ("Letters", "outgoing_mail", "accounts.Letter"),
        ("Exports", "download", "accounts.Export"),
        ("Tallies", "tag", "accounts.Tally"),
        ("Answers kept", "replay", "accounts.IdempotentRequest"),
        ("Groups of staff", "admin_panel_settings", "auth.Group"),
    ],
}

PAGES: Final[list[tuple[str, str, str, tuple[str, ...]]]] = [
    ("Dashboard", "dashboard", "admin:index", ()),
    ("Revenue", "monitoring", "admin:revenue", revenue.PAGE.needs),
    ("Margins", "balance", "admin:margins", margins.PAGE.needs),
    ("What if", "psychology_alt", "admin:what_if", what_if.PAGE.needs),
    (
        "Why refused, why charged?",
        "help",
        "admin:quotas_why",
        ("quotas.view_decision", "quotas.view_entry", "accounts.view_workspace"),
    ),
]


def navigation(request: HttpRequest) -> list[dict[str, Any]]:
    """As unfold wants it."""
    pages = [_item(title, icon, reverse(name)) for title, icon, name, needs in PAGES if request.user.has_perms(needs)]
    groups = [{"title": title, "items": _lists(request, lists)} for title, lists in SIDEBAR.items()]
    return [{"items": pages}, *(group for group in groups if group["items"])]


def _lists(request: HttpRequest, lists: list[tuple[str, str, str]]) -> list[dict[str, Any]]:
    found = [(title, icon, admin.site.get_model_admin(apps.get_model(label))) for title, icon, label in lists]
    return [
        _item(title, icon, reverse(f"admin:{page.opts.app_label}_{page.opts.model_name}_changelist"))
        for title, icon, page in found
        if page.has_view_permission(request)
    ]


def _item(title: str, icon: str, link: str) -> dict[str, Any]:
    return {"title": title, "icon": icon, "link": link}
