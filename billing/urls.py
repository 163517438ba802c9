from django.urls import path

from billing import pack_views as packs
from billing import purchase_views as purchases
from billing import views, webhook_views

urlpatterns = [
    path("billing/plans", views.PlanListView.as_view()),
    path("billing/plans/compare", views.PlanCompareView.as_view()),
    path("billing/plans/<slug:slug>", views.PlanDetailView.as_view()),
    path("billing/packs", packs.PackListView.as_view()),
    path("billing/packs/<slug:slug>/purchases", packs.BuyPackView.as_view()),
    path("billing/pack-purchases", packs.PurchaseListView.as_view()),
    path("billing/pack-purchases/<uuid:purchase_id>", packs.PurchaseDetailView.as_view()),
    path("billing/webhooks/stripe", webhook_views.stripe),
    path("billing/subscription", purchases.SubscriptionDetailView.as_view()),
    path("billing/subscription/preview", purchases.PreviewChangeView.as_view()),
    path("billing/subscription/cancel", purchases.CancelView.as_view()),
    path("billing/subscription/resume", purchases.ResumeView.as_view()),
    path("billing/checkout", purchases.CheckoutView.as_view()),
    path("billing/portal", purchases.PortalView.as_view()),
    path("billing/history", purchases.HistoryView.as_view()),
    path("billing/summary", purchases.SummaryDetailView.as_view()),
    path("billing/invoices", purchases.InvoiceListView.as_view()),
    path("billing/invoices/<slug:stripe_id>", purchases.InvoiceDetailView.as_view()),
    path("billing/payment-methods", purchases.CardListView.as_view()),
    path("billing/payment-methods/<slug:card_id>", purchases.CardDetailView.as_view()),
    path("billing/payment-methods/<slug:card_id>/default", purchases.DefaultCardView.as_view()),
]
