"""Briefs that customers might write."""

from typing import Any

from assistants.crew.roles import Crew

SAID: dict[str, Any] = {
    "business": "Nordlicht Studio, interiors for small hotels",
    "industry": "interior design",
    "audience": "owners of hotels with 10 to 40 rooms",
    "goal": "20 paid consultations by the end of March",
    "subject": "Nordlicht Studio",
    "question": "Should we offer a fixed price for a room?",
    "product": "Interior design at a fixed price",
    "market": "small hotels in northern Germany",
    "geography": "Germany",
    "project": {"title": "The Quiet Workshop", "template": "premium-community"},
}


def brief_for(crew: Crew) -> dict[str, Any]:
    """With what the crew requires, and no more."""
    return {name: SAID[name] for name in crew.input["required"]}
