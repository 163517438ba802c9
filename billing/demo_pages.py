"""The checkout and the portal of the simulated Stripe: pages of ours, where Stripe has pages of its own.

The id in the address is the credential, as it is with Stripe: nobody guesses it, it works for a day or an hour, and it
opens one customer's page. Nothing is loaded from elsewhere, and nobody is led elsewhere than where the checkout or the
portal was asked to lead back to.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect, QueryDict
from django.shortcuts import render
from django.utils.timezone import now
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_safe

from accounts import rates
from billing import demo_clock, demo_pdf
from billing.errors import BillingError, GatewayRejected, PaymentRefused
from billing.gateways.demo import DemoGateway, bills, books, life, payments, visits
from billing.gateways.demo.books import Object
from billing.gateways.demo.cards import NUMBERS, TestNumber, typed
from billing.gateways.demo.coupons import CODE, PERCENT
from billing.gateways.demo.shapes import costs
from billing.gateways.demo.visits import CHECKOUT, PORTAL
from billing.models import Customer

Act = Callable[[DemoGateway], Any]

SAID = {
    "card-added": "The card is kept, and pays from now on.",
    "card-chosen": "This card pays from now on.",
    "card-removed": "The card is forgotten.",
    "ending": "The plan ends with its period.",
    "ended": "The plan has ended.",
    "resumed": "The plan goes on.",
    "paid-back": "What was paid for the pack is paid back.",
    "played": "Played. What came of it is below.",
}
STANDINGS = {
    "trialing": ("On trial", "good"),
    "active": ("Active", "good"),
    "past_due": ("Payment failed", "bad"),
    "canceled": ("Ended", ""),
}


@never_cache
@sensitive_post_parameters("number")
@require_http_methods(["GET", "HEAD", "POST"])
def checkout(request: HttpRequest, session_id: str) -> HttpResponse:
    session = _visit(request, CHECKOUT, session_id)
    if session["status"] == "complete":
        return HttpResponseRedirect(session["success_url"])
    if request.method != "POST":
        return _checkout_page(request, session)
    try:
        card, code = _card(request.POST), request.POST.get("code", "")[:40]
        with demo_clock.acting(session["customer"], at=now()) as gateway:
            gateway.complete_checkout(session_id, card, code=code, authenticated=_authenticated(request.POST))
    except BillingError as refusal:
        if getattr(refusal, "extra", {}).get("needs_action"):
            return _authentication_page(request, session, {"card": card.number, "code": code})
        return _checkout_page(request, session, refusal)
    return HttpResponseRedirect(session["success_url"])


@never_cache
@sensitive_post_parameters("number")
@require_http_methods(["GET", "HEAD", "POST"])
def portal(request: HttpRequest, session_id: str) -> HttpResponse:
    session = _visit(request, PORTAL, session_id)
    if request.method != "POST":
        return _portal_page(request, session)
    try:
        said, act = _asked(request.POST, session["customer"])
        with demo_clock.acting(session["customer"], at=now()) as gateway:
            act(gateway)
    except BillingError as refusal:
        if getattr(refusal, "extra", {}).get("needs_action"):
            return _authentication_page(request, session, {"act": "add-card", "card": _card(request.POST).number})
        return _portal_page(request, session, refusal)
    return HttpResponseRedirect(f"{request.path}?said={said}")


@never_cache
@require_safe
def invoice(request: HttpRequest, invoice_id: str) -> HttpResponse:
    pay_at = f"{settings.FRONTEND_URL}/billing"
    return _show(request, "invoice", {"invoice": _invoice(request, invoice_id), "pay_at": pay_at})


@never_cache
@require_safe
def invoice_pdf(request: HttpRequest, invoice_id: str) -> HttpResponse:
    found = _invoice(request, invoice_id)
    said = {"Content-Disposition": f'inline; filename="{found["number"]}.pdf"'}
    return HttpResponse(demo_pdf.written(found), content_type="application/pdf", headers=said)


# ---- Who comes, and what for


def _visit(request: HttpRequest, kind: str, session_id: str) -> Object:
    """Raises `Http404` for a page that never was, is no more, or is of a customer who leaves."""
    _check_is_played(request)
    try:
        session = DemoGateway().visit(kind, session_id)
    except GatewayRejected as exc:
        raise Http404 from exc
    _check_stays(session["customer"])
    return session


def _invoice(request: HttpRequest, invoice_id: str) -> Object:
    _check_is_played(request)
    found = books.find("invoice", invoice_id)
    if found is None:
        raise Http404
    _check_stays(found["customer"])
    return found


def _check_is_played(request: HttpRequest) -> None:
    """Where Stripe takes the money, none of this is there."""
    rates.check(request, "costly" if request.method == "POST" else "any")
    if settings.STRIPE_SECRET_KEY:
        raise Http404


def _check_stays(customer_id: str) -> None:
    if not Customer.objects.filter(stripe_id=customer_id, leaving_at=None, workspace__deleted_at=None).exists():
        raise Http404


def _card(posted: QueryDict) -> TestNumber:
    """What was typed, else what was chosen. Raises `GatewayRejected`."""
    number = posted.get("number", "").strip() or posted.get("card", "")
    if not number:
        raise GatewayRejected("Choose one of the test cards.")
    return typed(number)


def _authenticated(posted: QueryDict) -> bool:
    """Raises `PaymentRefused` for who said at the bank's that it is not them."""
    if posted.get("authenticated") == "no":
        raise PaymentRefused("The bank was not told that it is you, so it does not pay.", "authentication_failed")
    return posted.get("authenticated") == "yes"


def _asked(posted: QueryDict, customer_id: str) -> tuple[str, Act]:
    """What to say when it is done, and how to do it. Raises `BillingError`."""
    act = posted.get("act", "")
    match act:
        case "add-card":
            card, authenticated = _card(posted), _authenticated(posted)
            return "card-added", lambda gateway: gateway.add_card(customer_id, card, authenticated=authenticated)
        case "choose-card":
            card_id = _theirs(posted, customer_id)
            return "card-chosen", lambda gateway: gateway.make_default(customer_id, card_id)
        case "remove-card":
            card_id = _theirs(posted, customer_id)
            return "card-removed", lambda gateway: gateway.detach(card_id)
        case "pay-back":
            payment_id = _their_payment(posted, customer_id)
            return "paid-back", lambda gateway: gateway.pay_back(payment_id)
    subscription = _current(customer_id)
    verbs: dict[str, tuple[str, Callable[[DemoGateway, str], Any]]] = {
        "end-with-period": ("ending", DemoGateway.cancel_at_period_end),
        "end-now": ("ended", DemoGateway.cancel),
        "resume": ("resumed", DemoGateway.resume),
        "play-renewal": ("played", DemoGateway.play_renewal),
        "play-retry": ("played", DemoGateway.play_retry),
    }
    if subscription is None or act not in verbs:
        raise GatewayRejected("There is nothing like that to do.")
    said, verb = verbs[act]
    subscription_id = str(subscription["id"])
    return said, lambda gateway: verb(gateway, subscription_id)


def _theirs(posted: QueryDict, customer_id: str) -> str:
    """A card of this customer's. Raises `GatewayRejected`."""
    card_id = posted.get("card_id", "")
    if not any(card.id == card_id for card in DemoGateway().cards(customer_id)):
        raise GatewayRejected("There is no such card.")
    return card_id


def _their_payment(posted: QueryDict, customer_id: str) -> str:
    """Of a pack of this customer's. Raises `GatewayRejected`."""
    payment_id = posted.get("payment_id", "")
    if not any(payment["id"] == payment_id for payment in books.of_customer(payments.PAYMENT, customer_id)):
        raise GatewayRejected("There is no such payment.")
    return payment_id


def _current(customer_id: str) -> Object | None:
    """The one that runs, else the last that did."""
    found = books.of_customer("subscription", customer_id)
    return next(filter(life.is_open, found), found[0] if found else None)


# ---- What they see


def _checkout_page(request: HttpRequest, session: Object, refusal: BillingError | None = None) -> HttpResponse:
    price = visits.price_of(session)
    told = {
        "session": session,
        "price": price,
        "costs": costs(price),
        "trial_days": session["subscription_data"]["trial_period_days"],
        "code": request.POST.get("code", "")[:40],
        "promotion": {"code": CODE, "percent": PERCENT},
        "numbers": NUMBERS,
    }
    return _show(request, "checkout", told, refusal, leads_to=[session["success_url"], session["cancel_url"]])


def _portal_page(request: HttpRequest, session: Object, refusal: BillingError | None = None) -> HttpResponse:
    subscription = _current(session["customer"])
    told = {
        "session": session,
        "subscription": subscription,
        "credit": -int(books.read("customer", session["customer"])["balance"]),
        "cards": DemoGateway().cards(session["customer"]),
        "invoices": books.of_customer("invoice", session["customer"]),
        "payments": books.of_customer(payments.PAYMENT, session["customer"]),
        "numbers": NUMBERS,
        "said": "" if refusal else SAID.get(request.GET.get("said", "")),
        **(_about(subscription) if subscription else {}),
    }
    return _show(request, "portal", told, refusal)


def _about(subscription: Object) -> dict[str, Any]:
    price = bills.item_of(subscription)["price"]
    standing, kind = STANDINGS[subscription["status"]]
    return {
        "price": price,
        "costs": costs(price),
        "standing": "Ends soon" if subscription["cancel_at_period_end"] and life.is_open(subscription) else standing,
        "kind": kind,
        "runs": life.is_open(subscription),
        "ends_at": bills.item_of(subscription)["current_period_end"],
        "retry_at": min(life.retries(subscription), default=None),
    }


def _authentication_page(request: HttpRequest, session: Object, kept: dict[str, str]) -> HttpResponse:
    """The bank asks. What was chosen is sent along with the answer."""
    leads_to = [session["success_url"]] if session["object"] == CHECKOUT else []
    return _show(request, "authentication", {"kept": kept}, leads_to=leads_to)


def _show(
    request: HttpRequest,
    name: str,
    told: dict[str, Any],
    refusal: BillingError | None = None,
    *,
    leads_to: list[str] | None = None,
) -> HttpResponse:
    status = 402 if isinstance(refusal, PaymentRefused) else 400 if refusal else 200
    page = render(request, f"billing/demo/{name}.html", told | {"refusal": refusal}, status=status)
    page["Content-Security-Policy"] = _policy(leads_to or [])
    return page


def _policy(leads_to: list[str]) -> str:
    """No script at all. Browsers hold a form to `form-action` where its answer leads elsewhere, too."""
    origins = {f"{parts.scheme}://{parts.netloc}" for parts in map(urlsplit, leads_to)}
    return "; ".join(
        [
            "default-src 'none'",
            "style-src 'self'",
            "img-src data:",
            " ".join(["form-action 'self'", *sorted(origins)]),
            "base-uri 'none'",
            "frame-ancestors 'none'",
        ]
    )
