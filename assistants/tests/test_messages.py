"""The official SDK of Anthropic against the product: only base URL and key differ."""

import anthropic

from accounts.tests.factories import Person
from assistants.tests.standin.client import StandIn
from config.tests.product import Product

MODEL = "claude-sonnet-5-5"


def client(product: Product, person: Person) -> anthropic.Anthropic:
    return anthropic.Anthropic(base_url=product.url, api_key=person.api_key, max_retries=0)


def test_it_answers_whole(product: Product, standin: StandIn, alice: Person) -> None:
    tag = alice.user.email
    message = client(product, alice).messages.create(
        model=MODEL, max_tokens=100, messages=[{"role": "user", "content": f"Hello [[tokens=20 tag={tag}]]"}]
    )

    assert message.usage.output_tokens == standin.bill(tag)[0].output_tokens == 20


def test_it_streams(product: Product, standin: StandIn, alice: Person) -> None:
    tag = alice.user.email
    with client(product, alice).messages.stream(
        model=MODEL, max_tokens=100, messages=[{"role": "user", "content": f"Hello [[tokens=20 tag={tag}]]"}]
    ) as stream:
        text = "".join(stream.text_stream)
        message = stream.get_final_message()

    assert text
    assert message.usage.output_tokens == standin.bill(tag)[0].output_tokens == 20
