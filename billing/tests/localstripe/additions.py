"""What is added to localstripe, one story for each function. It is not typed, so neither is much of this."""

from __future__ import annotations

import asyncio
import hashlib
import time
from collections.abc import Awaitable, Callable
from typing import Any
from uuid import uuid4

from aiohttp import web
from localstripe import resources, webhooks
from localstripe.errors import UserError
from localstripe.resources import Customer, Event, Invoice, PaymentMethod, Plan, Refund, Subscription
from localstripe.server import get_post_data, unflatten_data

Request = web.Request
Handler = Callable[[Request], Awaitable[web.StreamResponse]]

sessions: dict[str, dict[str, Any]] = {}
meters: dict[str, dict[str, Any]] = {}
meter_events: dict[str, dict[str, Any]] = {}
answered: dict[str, web.Response] = {}


def install(app: web.Application) -> None:
    keep_nothing_on_disk()
    deliver_at_once()
    show_items_as_today()
    subscribe_by_price()
    change_by_price()
    preview_by_price()
    tell_of_renewals_that_fail()
    tell_of_refunds()
    end_subscriptions_with_their_customer()
    app.middlewares.append(repeat_by_idempotency_key)
    app.router.add_routes(ROUTES)


# ---- How it runs -----------------------------------------------------------------------------------------------------


def keep_nothing_on_disk() -> None:
    resources.store.dump_to_disk = lambda: None


def deliver_at_once() -> None:
    """It waits a second before each webhook."""

    class Hurried:
        ensure_future = staticmethod(asyncio.ensure_future)

        @staticmethod
        async def sleep(seconds: float) -> None:
            await asyncio.sleep(0)

    webhooks.asyncio = Hurried


@web.middleware
async def repeat_by_idempotency_key(request: Request, handler: Handler) -> web.StreamResponse:
    key = request.headers.get("Idempotency-Key")
    if request.method != "POST" or not key:
        return await handler(request)
    said = hashlib.sha256(await request.read()).hexdigest()
    if f"{key} {said}" not in answered:
        if any(known.startswith(f"{key} ") for known in answered):
            raise UserError(400, "Keys for idempotent requests can only be used with the same parameters.")
        answered[f"{key} {said}"] = await handler(request)  # type: ignore[assignment]
    first = answered[f"{key} {said}"]
    return web.Response(body=first.body, status=first.status, content_type="application/json")


# ---- Prices, over its plans ------------------------------------------------------------------------------------------


def as_price(plan: Any) -> dict[str, Any]:
    return {
        "id": plan.id,
        "object": "price",
        "active": plan.active,
        "billing_scheme": plan.billing_scheme,
        "created": plan.created,
        "currency": plan.currency,
        "livemode": False,
        "lookup_key": getattr(plan, "_lookup_key", None),
        "metadata": plan.metadata,
        "nickname": plan.nickname,
        "product": plan.product,
        "recurring": {
            "interval": plan.interval,
            "interval_count": plan.interval_count,
            "meter": getattr(plan, "_meter", None),
            "usage_type": plan.usage_type,
        },
        "type": "recurring",
        "unit_amount": plan.amount,
        "unit_amount_decimal": str(plan.amount),
    }


async def create_price(request: Request) -> web.Response:
    data = await get_post_data(request)
    recurring = data.pop("recurring")
    lookup_key, meter = data.pop("lookup_key", None), recurring.pop("meter", None)
    if lookup_key and any(getattr(plan, "_lookup_key", None) == lookup_key for plan in plans()):
        raise UserError(400, f"A price ({lookup_key}) already uses that lookup key.")
    plan = Plan(id=f"price_{uuid4().hex[:20]}", amount=data.pop("unit_amount"), **recurring, **data)
    plan._lookup_key, plan._meter = lookup_key, meter
    return web.json_response(as_price(plan))


async def list_prices(request: Request) -> web.Response:
    wanted = unflatten_data(request.query).get("lookup_keys")
    found = [as_price(plan) for plan in plans()]
    return listed(request, [price for price in found if wanted is None or price["lookup_key"] in wanted])


async def retrieve_price(request: Request) -> web.Response:
    return web.json_response(as_price(Plan._api_retrieve(request.match_info["id"])))


def plans() -> list[Any]:
    return [found for key, found in resources.store.items() if key.startswith("plan:")]


def is_metered(item: Any) -> bool:
    return bool(item.plan.usage_type == "metered")


# ---- Subscriptions ---------------------------------------------------------------------------------------------------


def show_items_as_today() -> None:
    item = resources.SubscriptionItem
    item.price = property(lambda self: as_price(self.plan))
    item.subscription = property(lambda self: self._subscription)
    item.current_period_start = property(lambda self: self._current_period()["start"])
    item.current_period_end = property(lambda self: self._current_period()["end"])
    charged = item._calculate_amount
    item._calculate_amount = lambda self: 0 if is_metered(self) else charged(self)
    # It has the period on the subscription, where today's API no longer says it.
    exported = resources.StripeObject._export

    def export(self: Any, expand: Any = None) -> Any:
        said = exported(self, expand)
        if isinstance(self, Subscription):
            said.pop("current_period_start", None)
            said.pop("current_period_end", None)
        # Null where Stripe has an empty list.
        said.update({name: [] for name in ("default_tax_rates", "tax_rates") if name in said and said[name] is None})
        return said

    resources.StripeObject._export = export
    for kind in (Invoice, resources.InvoiceLineItem, resources.InvoiceItem):
        kind.discounts = property(lambda self: [])


def split(items: list[dict[str, Any]]) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Licensed ones in its own words, and metered ones. It can have one of the former, and none of the latter."""
    metered = [item for item in items if item.get("deleted") or usage_of(item["price"]) == "metered"]
    licensed = [item for item in items if item not in metered]
    kept = ("id", "quantity")
    return [{k: item[k] for k in kept if k in item} | {"plan": item["price"]} for item in licensed], metered


def usage_of(price_id: str) -> str:
    return str(Plan._api_retrieve(price_id).usage_type)


def add_metered(subscription: Any, items: list[dict[str, Any]]) -> None:
    gone = {item["id"] for item in items if item.get("deleted")}
    subscription.items._list = [item for item in subscription.items._list if item.id not in gone]
    for item in items:
        if not item.get("deleted"):
            new = resources.SubscriptionItem(subscription=subscription.id, plan=item["price"])
            subscription.items._list.append(new)


def subscribe_by_price() -> None:
    def create(**data: Any) -> Any:
        licensed, metered = split(data.pop("items"))
        subscription = Subscription(items=licensed, **data)
        if subscription.status == "incomplete" and data.get("payment_behavior") == "error_if_incomplete":
            resources.store.pop(f"subscription:{subscription.id}")
            code = "subscription_payment_intent_requires_action"
            raise UserError(402, "The bank wants to ask the customer.", {"code": code})
        add_metered(subscription, metered)
        return subscription

    Subscription._api_create = staticmethod(create)
    listing = Subscription._api_list_all.__func__

    def list_all(cls: Any, /, url: str, price: str | None = None, **filters: Any) -> Any:
        found = listing(cls, url, **filters)
        found._list = [each for each in found._list if price in (None, each.items._list[0].plan.id)]
        return found

    Subscription._api_list_all = classmethod(list_all)


def change_by_price() -> None:
    change = Subscription._update

    def update(self: Any, items: Any = None, proration_behavior: Any = None, **data: Any) -> None:
        for unknown in ("payment_behavior", "default_payment_method"):
            data.pop(unknown, None)
        if data.get("cancel_at") == "":
            data.pop("cancel_at")
            self.cancel_at = None
        kept = [item for item in self.items._list if is_metered(item)]
        licensed, metered = split(items or [])
        change(self, items=licensed or None, **data)
        self.items._list += [item for item in kept if item not in self.items._list]
        add_metered(self, metered)
        resources.schedule_webhook(Event("customer.subscription.updated", self))

    Subscription._update = update


def preview_by_price() -> None:
    following = Invoice._get_next_invoice.__func__

    def next_invoice(cls: Any, /, subscription: Any = None, subscription_items: Any = None, **data: Any) -> Any:
        if subscription_items is None:
            return following(cls, subscription=subscription, **data)
        known = Subscription._api_retrieve(subscription)
        data["customer"] = known.customer
        licensed = [{"plan": item["plan"]} for item in split(subscription_items)[0]]
        invoice = following(cls, subscription=subscription, subscription_items=licensed, **data)
        invoice.period_start, invoice.period_end = known.current_period_start, known.current_period_end
        return invoice

    Invoice._get_next_invoice = classmethod(next_invoice)


# ---- Pages -----------------------------------------------------------------------------------------------------------


async def create_session(request: Request) -> web.Response:
    data = await get_post_data(request)
    session_id = f"cs_test_{uuid4().hex}"
    sessions[session_id] = data | {
        "id": session_id,
        "object": "checkout.session",
        "created": int(time.time()),
        "expires_at": int(time.time()) + 86400,
        "invoice": None,
        "livemode": False,
        "status": "open",
        "subscription": None,
        "url": f"http://localhost/pay/{session_id}",
    }
    return web.json_response(sessions[session_id])


async def retrieve_session(request: Request) -> web.Response:
    return web.json_response(sessions[request.match_info["id"]])


async def pay_session(request: Request) -> web.Response:
    """What somebody does on Stripe's page: enter a card, and pay."""
    session = sessions[request.match_info["id"]]
    number = (await get_post_data(request))["card"]
    card = {"number": number, "exp_month": "12", "exp_year": "2040", "cvc": "123"}
    method = PaymentMethod(type="card", card=card)
    PaymentMethod._api_attach(method.id, customer=session["customer"])
    Customer._api_update(session["customer"], invoice_settings={"default_payment_method": method.id})
    subscription = Subscription._api_create(
        customer=session["customer"],
        items=[dict(line) for line in session["line_items"]],
        metadata=session["subscription_data"]["metadata"],
        payment_behavior="error_if_incomplete",
    )
    session.update(status="complete", subscription=subscription.id, invoice=subscription.latest_invoice)
    resources.schedule_webhook(Event("checkout.session.completed", AsItIs(session)))
    return web.json_response(session)


async def create_portal(request: Request) -> web.Response:
    data = await get_post_data(request)
    Customer._api_retrieve(data["customer"])
    return web.json_response(
        {"id": f"bps_{uuid4().hex}", "object": "billing_portal.session", "url": "http://localhost/portal", **data}
    )


class AsItIs:
    def __init__(self, data: dict[str, Any]) -> None:
        self.data = data

    def _export(self) -> dict[str, Any]:
        return dict(self.data)


# ---- Money -----------------------------------------------------------------------------------------------------------


async def list_cards(request: Request) -> web.Response:
    customer = request.match_info["id"]
    return listed(request, [each._export() for each in PaymentMethod._api_list_all("", customer, "card", 100)._list])


async def list_invoice_payments(request: Request) -> web.Response:
    query = unflatten_data(request.query)
    intent = query.get("payment", {}).get("payment_intent")
    found = [each for key, each in resources.store.items() if key.startswith("invoice:") and each.payment_intent]
    wanted = [each for each in found if query.get("invoice", each.id) == each.id]
    return listed(request, [as_payment(each) for each in wanted if intent in (None, each.payment_intent)])


def as_payment(invoice: Any) -> dict[str, Any]:
    return {
        "id": f"inpay_{invoice.id}",
        "object": "invoice_payment",
        "invoice": invoice.id,
        "payment": {"type": "payment_intent", "payment_intent": invoice.payment_intent},
        "status": "paid" if invoice.status == "paid" else "open",
    }


def tell_of_renewals_that_fail() -> None:
    confirmed = resources.PaymentIntent._confirm

    def confirm(self: Any, on_failure_now: Callable[[], None]) -> None:
        confirmed(self, on_failure_now)
        if self.invoice and self.latest_charge and self.latest_charge.status == "failed":
            Invoice._api_retrieve(self.invoice)._on_payment_failure_now()

    resources.PaymentIntent._confirm = confirm


def tell_of_refunds() -> None:
    made = Refund.__init__

    def create(self: Any, **data: Any) -> None:
        made(self, **data)
        charge = resources.Charge._api_retrieve(self.charge)
        resources.schedule_webhook(Event("charge.refunded", charge))

    Refund.__init__ = create


def end_subscriptions_with_their_customer() -> None:
    deleted = Customer._api_delete.__func__

    def delete(cls: Any, id: str) -> Any:  # noqa: A002
        for subscription in Customer._api_retrieve(id).subscriptions._list:
            Subscription._api_delete(subscription.id)
        return deleted(cls, id)

    Customer._api_delete = classmethod(delete)


# ---- Meters ----------------------------------------------------------------------------------------------------------


async def create_meter(request: Request) -> web.Response:
    data = await get_post_data(request)
    meter = data | {"id": f"mtr_{uuid4().hex}", "object": "billing.meter", "status": "active", "livemode": False}
    meters[meter["id"]] = meter
    return web.json_response(meter)


async def list_meters(request: Request) -> web.Response:
    return listed(request, list(meters.values()))


async def create_meter_event(request: Request) -> web.Response:
    data = await get_post_data(request)
    if data["identifier"] in meter_events:
        raise UserError(400, f"An event already exists with identifier {data['identifier']}.")
    meter_events[data["identifier"]] = data | {"object": "billing.meter_event", "livemode": False}
    return web.json_response(meter_events[data["identifier"]])


async def told_meter_events(request: Request) -> web.Response:
    return web.json_response(list(meter_events.values()))


# ---- The account, which dj-stripe asks for ---------------------------------------------------------------------------


async def retrieve_account(request: Request) -> web.Response:
    return web.json_response(
        {
            "id": "acct_local",
            "object": "account",
            "created": 1700000000,
            "livemode": False,
            "settings": {"branding": {"icon": None, "logo": None}, "dashboard": {"display_name": "Local"}},
        }
    )


async def list_nothing(request: Request) -> web.Response:
    return listed(request, [])


def listed(request: Request, data: list[dict[str, Any]]) -> web.Response:
    return web.json_response({"object": "list", "url": request.path, "has_more": False, "data": data})


ROUTES = [
    web.get("/v1/account", retrieve_account),
    web.get("/v1/products/{id}/features", list_nothing),
    web.post("/v1/prices", create_price),
    web.get("/v1/prices", list_prices),
    web.get("/v1/prices/{id}", retrieve_price),
    web.post("/v1/checkout/sessions", create_session),
    web.get("/v1/checkout/sessions/{id}", retrieve_session),
    web.post("/_config/checkout/{id}", pay_session),
    web.post("/v1/billing_portal/sessions", create_portal),
    web.get("/v1/customers/{id}/payment_methods", list_cards),
    web.get("/v1/invoice_payments", list_invoice_payments),
    web.post("/v1/billing/meters", create_meter),
    web.get("/v1/billing/meters", list_meters),
    web.post("/v1/billing/meter_events", create_meter_event),
    web.get("/_config/meter_events", told_meter_events),
]
