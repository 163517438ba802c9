"""What is made from a coaching project: documents, each by a crew that is told all that is known of it."""

from __future__ import annotations

from typing import Any

from assistants.coaching import context, prompts
from assistants.models import Project


def brief_of(project: Project, wishes: str) -> dict[str, Any]:
    """As the crews of deliverables want it."""
    known = prompts.facts(context.context_of(project))
    brief = {"profile": known.pop("creator"), "decisions": known.pop("decisions"), "project": known, "wishes": wishes}
    return {name: told for name, told in brief.items() if told}
