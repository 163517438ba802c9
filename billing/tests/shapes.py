"""Whether an object has the shape that Stripe's SDK declares for it: every field known, none missing, types right."""

from __future__ import annotations

import types
from collections.abc import Iterator
from decimal import Decimal
from typing import Any, ClassVar, ForwardRef, Literal, Union, get_args, get_origin

import stripe
from stripe import ListObject, StripeObject

Kind = Any


def misfits(said: object, kind: Kind, where: str = "it") -> list[str]:
    """What is wrong with it, each with where it stands; none where it fits."""
    if isinstance(kind, ForwardRef):
        kind = kind.__forward_arg__
    if isinstance(kind, str):
        kind = getattr(stripe, kind, StripeObject)
    origin: Any = get_origin(kind)
    if origin in (Union, types.UnionType):
        tried = [misfits(said, alternative, where) for alternative in get_args(kind)]
        return [] if [] in tried else max(tried, key=len)
    if origin is Literal:
        return [] if said in get_args(kind) else [f"{where} is {said!r}"]
    if origin is ListObject:
        return list(_in_a_page(said, get_args(kind)[0], where))
    if origin is list:
        return list(_in_a_list(said, get_args(kind)[0], where))
    kind = origin or kind
    if kind is Decimal:
        kind = str  # As JSON says it.
    if kind in (int, str, bool, float, type(None)):
        return [] if type(said) is kind else [f"{where} is {said!r}, no {kind.__name__}"]
    if not isinstance(said, dict):
        return [f"{where} is {said!r}, no object"]
    return list(_in_an_object(said, kind, where))


def _in_a_page(said: object, kind: Kind, where: str) -> Iterator[str]:
    if not isinstance(said, dict) or said.get("object") != "list" or "has_more" not in said:
        yield f"{where} is no list of Stripe's"
    else:
        yield from _in_a_list(said["data"], kind, where)


def _in_a_list(said: object, kind: Kind, where: str) -> Iterator[str]:
    if not isinstance(said, list):
        yield f"{where} is {said!r}, no list"
    else:
        for index, each in enumerate(said):
            yield from misfits(each, kind, f"{where}[{index}]")


def _in_an_object(said: dict[str, Any], kind: Kind, where: str) -> Iterator[str]:
    fields = {name: of for name, of in getattr(kind, "__annotations__", {}).items() if get_origin(of) is not ClassVar}
    if not fields:
        return  # Such as metadata, whose fields are the customer's.
    yield from (f"{where}.{name} is not known" for name in said.keys() - fields.keys())
    for name, of in fields.items():
        if name in said:
            yield from misfits(said[name], of, f"{where}.{name}")
        elif type(None) not in get_args(of):
            yield f"{where}.{name} is missing"
