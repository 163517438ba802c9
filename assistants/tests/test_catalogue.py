"""The models on offer at the prices of the day, and what a call costs at them."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
import yaml
from django.core.management import call_command
from django.db import IntegrityError, transaction
from django.utils.timezone import now

from accounts.tests.factories import Person
from assistants import catalogue
from assistants.catalogue import Offer
from assistants.errors import InvalidCatalogue, UnknownModel
from assistants.models import LanguageModel, ModelPrice
from assistants.prices import Price, Prices, Usage
from config.tests.product import Product
from conftest import Run

KINDS = ("input", "output", "cache_write_5m", "cache_write_1h", "cache_read")


@pytest.fixture
def model(database: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[LanguageModel]:
    """A model without a price, gone after the test: others count on the models as they are."""
    monkeypatch.setattr(catalogue, "FRESH_SECONDS", -1.0)
    made = LanguageModel.objects.create(
        slug="test-model", name="Test", upstream_name="up", context=10, max_output=5, rank=99, created_at=now()
    )
    yield made
    made.delete()


def set_price(model: LanguageModel, micro_usd: int, *, days: float = -1, prompt_over: int = 0) -> ModelPrice:
    """Every kind of token at one price, valid from so many days from now."""
    kinds = dict.fromkeys(KINDS, micro_usd)
    return ModelPrice.objects.create(
        model=model, valid_from=now() + timedelta(days=days), prompt_over=prompt_over, **kinds
    )


def offer_of(run: Run[Any], model: LanguageModel) -> Offer:
    offer: Offer = run(catalogue.find(model.slug))
    return offer


def prices(*tiers: tuple[int, int]) -> Prices:
    return Prices(tuple(Price(over, *[price] * 5) for over, price in tiers))


# What is offered


def test_the_default_is_the_first(run: Run[Any]) -> None:
    assert run(catalogue.default()).slug == "claude-sonnet-5-5"
    assert list(run(catalogue.offers())) == ["claude-sonnet-5-5", "claude-haiku-5-5", "claude-opus-5-5"]


def test_a_model_without_a_price_is_not_offered(run: Run[Any], model: LanguageModel) -> None:
    with pytest.raises(UnknownModel):
        run(catalogue.find(model.slug))


def test_a_model_without_a_price_is_in_no_list(product: Product, alice: Person, model: LanguageModel) -> None:
    for path in ("/v1/models", "/api/v1/assistants/models"):
        assert model.slug not in product.http.get(path, headers=alice.headers).text


def test_a_model_whose_price_begins_tomorrow_is_not_offered(run: Run[Any], model: LanguageModel) -> None:
    set_price(model, 5, days=1)

    with pytest.raises(UnknownModel):
        run(catalogue.find(model.slug))


def test_a_model_that_is_withdrawn_is_not_offered(run: Run[Any], model: LanguageModel) -> None:
    set_price(model, 5)
    LanguageModel.objects.filter(pk=model.pk).update(is_offered=False)

    with pytest.raises(UnknownModel):
        run(catalogue.find(model.slug))


def test_a_model_is_offered_at_its_newest_valid_price(run: Run[Any], model: LanguageModel) -> None:
    set_price(model, 1, days=-30)
    set_price(model, 2, days=-1)
    set_price(model, 3, days=1)

    assert offer_of(run, model).prices == prices((0, 2))


def test_a_newer_price_replaces_every_tier_of_the_old_one(run: Run[Any], model: LanguageModel) -> None:
    set_price(model, 1, days=-30)
    set_price(model, 9, days=-30, prompt_over=100)
    set_price(model, 2, days=-1)

    assert offer_of(run, model).prices == prices((0, 2))


def test_the_tiers_of_one_date_stand_together(run: Run[Any], model: LanguageModel) -> None:
    at = now() - timedelta(days=1)
    set_price(model, 9, prompt_over=100)
    set_price(model, 1)
    ModelPrice.objects.filter(model=model).update(valid_from=at)

    assert offer_of(run, model).prices == prices((0, 1), (100, 9))


def test_an_offer_is_read_anew_only_now_and_then(
    run: Run[Any], model: LanguageModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    set_price(model, 1)
    before = offer_of(run, model)
    monkeypatch.setattr(catalogue, "FRESH_SECONDS", 60.0)
    ModelPrice.objects.filter(model=model).update(input=7)

    assert offer_of(run, model) == before
    monkeypatch.setattr(catalogue, "FRESH_SECONDS", -1.0)
    assert offer_of(run, model) != before


def test_the_shipped_price_of_a_cache_read_fell_in_october(database: None) -> None:
    of_reads = ModelPrice.objects.filter(model="claude-sonnet-5-5").order_by("valid_from")

    assert list(of_reads.values_list("valid_from", "cache_read")) == [
        (datetime(2026, 9, 1, tzinfo=UTC), 200_000),
        (datetime(2026, 10, 7, tzinfo=UTC), 100_000),
    ]


# Loading


def written(**change: Any) -> dict[str, Any]:
    tier: dict[str, Any] = dict.fromkeys(KINDS, 1)
    model = {"slug": "test-loaded", "name": "Loaded", "context": 10, "max_output": 5, "released": now().date()}
    return {**model, "prices": {now().date(): [tier]}} | change


def load(folder: Path, *models: object) -> list[LanguageModel]:
    file = folder / "models.yaml"
    file.write_text(yaml.safe_dump(list(models)))
    return catalogue.load(file)


def everything() -> tuple[object, object]:
    priced = ModelPrice.objects.order_by("model", "valid_from", "prompt_over")
    return list(LanguageModel.objects.order_by("slug").values()), list(priced.values())


def test_loading_twice_changes_nothing(database: None) -> None:
    before = everything()

    call_command("load_models", stdout=StringIO())

    assert everything() == before


def test_a_dry_run_changes_nothing(model: LanguageModel) -> None:
    LanguageModel.objects.filter(slug="claude-haiku-5-5").update(name="Renamed")
    before = everything()

    call_command("load_models", dry_run=True, stdout=StringIO())

    assert everything() == before
    LanguageModel.objects.filter(slug="claude-haiku-5-5").update(name="Claude Haiku 5.5")


def test_dollars_are_kept_to_the_micro(database: None, tmp_path: Path) -> None:
    with transaction.atomic():
        [made] = load(tmp_path, written(prices={now().date(): [dict.fromkeys(KINDS, 0.123456)]}))
        assert made.prices.get().input == 123_456
        transaction.set_rollback(True)


REFUSED: dict[str, list[Any]] = {
    "no prices": [written(prices=None)],
    "prices that are a list": [written(prices=[])],
    "a missing price": [written(prices={now().date(): [dict.fromkeys(KINDS[1:], 1)]})],
    "a negative price": [written(prices={now().date(): [dict.fromkeys(KINDS, 1) | {"output": -0.01}]})],
    "a price in words": [written(prices={now().date(): [dict.fromkeys(KINDS, "cheap")]})],
    "a price that is not a number": [written(prices={now().date(): [dict.fromkeys(KINDS, float("nan"))]})],
    "a date in words": [written(prices={"soon": [dict.fromkeys(KINDS, 1)]})],
    "no context": [{name: value for name, value in written().items() if name != "context"}],
    "a negative context": [written(context=-1)],
    "a model that is only a word": ["claude"],
}


@pytest.mark.parametrize("models", REFUSED.values(), ids=REFUSED)
def test_a_bad_catalogue_is_refused_and_nothing_changed(database: None, tmp_path: Path, models: list[Any]) -> None:
    before = everything()

    with pytest.raises(InvalidCatalogue):
        load(tmp_path, written(slug="test-good"), *models)

    assert everything() == before


@pytest.mark.parametrize("kind", KINDS)
def test_a_negative_price_cannot_be(model: LanguageModel, kind: str) -> None:
    price = set_price(model, 1)

    with pytest.raises(IntegrityError, match="model_price_not_negative"), transaction.atomic():
        ModelPrice.objects.filter(pk=price.pk).update(**{kind: -1})


def test_two_prices_of_one_date_and_length_cannot_be(model: LanguageModel) -> None:
    price = set_price(model, 1)

    with pytest.raises(IntegrityError, match="one_price_per_date_and_length"), transaction.atomic():
        ModelPrice.objects.create(model=model, valid_from=price.valid_from, **dict.fromkeys(KINDS, 2))


# What a call costs


@pytest.mark.parametrize("kind", ["input", "output", "cache_write_5m", "cache_write_1h", "cache_read"])
def test_each_kind_of_token_has_its_price(kind: str) -> None:
    price = Price(prompt_over=0, input=1, output=10, cache_write_5m=100, cache_write_1h=1_000, cache_read=10_000)

    assert price.cost(Usage(**{kind: 1_000_000})) == getattr(price, kind)


def test_a_cost_adds_up() -> None:
    price = Price(0, input=2_000_000, output=10_000_000, cache_write_5m=2_500_000, cache_write_1h=0, cache_read=100_000)

    assert price.cost(Usage(input=1_000, output=500, cache_write_5m=200, cache_read=10_000)) == 2000 + 5000 + 500 + 1000


@pytest.mark.parametrize(("tokens", "cost"), [(0, 0), (1, 1), (10, 1), (11, 2), (20, 2)])
def test_a_started_micro_counts_whole(tokens: int, cost: int) -> None:
    assert prices((0, 100_000)).cost(Usage(input=tokens)) == cost


@pytest.mark.parametrize(("prompt", "cost"), [(99, 99), (100, 100), (101, 1010), (200, 2000), (201, 20100)])
def test_a_longer_prompt_may_cost_more_by_the_token(prompt: int, cost: int) -> None:
    tiered = prices((0, 1_000_000), (100, 10_000_000), (200, 100_000_000))

    assert tiered.cost(Usage(input=prompt)) == cost


def test_the_whole_prompt_decides_and_not_the_answer() -> None:
    tiered = prices((0, 1_000_000), (100, 10_000_000))

    assert tiered.cost(Usage(input=50, output=500)) == 550
    assert tiered.cost(Usage(input=50, cache_read=25, cache_write_5m=26)) == 1010


def test_a_cost_is_exact_for_large_numbers() -> None:
    assert prices((0, 3)).cost(Usage(input=10**18 + 1)) == 3 * 10**12 + 1


def test_the_parts_of_a_usage_add_up() -> None:
    usage = Usage(input=1, cache_write_5m=10, cache_write_1h=100, cache_read=1_000, output=10_000)

    assert (usage.prompt, usage.total) == (1_111, 11_111)


def test_a_later_report_overwrites_an_earlier_one() -> None:
    usage = Usage()
    usage.report({"input_tokens": 10, "output_tokens": 1})
    usage.report({"output_tokens": 25})

    assert usage == Usage(input=10, output=25)


def test_a_report_tells_the_two_kinds_of_cache_writes_apart() -> None:
    usage = Usage()
    usage.report(
        {
            "input_tokens": 1,
            "cache_creation_input_tokens": 30,
            "cache_creation": {"ephemeral_5m_input_tokens": 10, "ephemeral_1h_input_tokens": 20},
        }
    )

    assert (usage.cache_write_5m, usage.cache_write_1h) == (10, 20)


def test_a_report_without_the_two_kinds_leaves_the_hour_s_as_they_were() -> None:
    usage = Usage(cache_write_5m=10, cache_write_1h=20)
    usage.report({"output_tokens": 5, "cache_creation_input_tokens": 30})

    assert usage == Usage(cache_write_5m=10, cache_write_1h=20, output=5)


def test_the_ledger_remembers_the_price() -> None:
    assert Prices((Price(0, 1, 2, 3, 4, 5),)).as_data() == [
        {
            "prompt_over": 0,
            "input": 1,
            "output": 2,
            "cache_write_5m": 3,
            "cache_write_1h": 4,
            "cache_read": 5,
        }
    ]
