"""The first words in a project, made from the profile and the plan. No model is asked."""

from __future__ import annotations

from assistants.coaching import plans, profiles
from assistants.coaching.plans import Plan
from assistants.models import CreatorProfile


def text(title: str, plan: Plan, profile: CreatorProfile | None) -> str:
    tasks = plans.tasks_of(plan)
    first = tasks[0]
    paragraphs = [
        f"Welcome to your project: {title}. {plan['summary']}",
        _what_is_known(profile),
        plan["why"][0],
        f"Your plan has {len(plan['phases'])} phases and {len(tasks)} tasks, about {plan['hours']:,} hours of work. "
        f"With {plan['hours_per_week']} hours a week that is {_weeks(plan['weeks'])}, and about "
        f"${plan['cost']:,} in costs.",
        f"We begin with “{first['title']}”: {first['description']}",
        "Tell me what you have already, what you decide and what you get done. I keep track of it.",
    ]
    return "\n\n".join(paragraph for paragraph in paragraphs if paragraph)


def _what_is_known(profile: CreatorProfile | None) -> str:
    if profile is None:
        return "I know little of you yet. Fill in your profile, and the next plan is made for you."
    known = [
        f"your niche is {profile.niche}" if profile.niche else "",
        f"you have {profiles.followers(profile):,} followers" if profile.platforms else "",
        f"you have {profile.hours_per_week} hours a week" if profile.hours_per_week else "",
    ]
    said = ", ".join(part for part in known if part)
    return f"What I know: {said}." if said else ""


def _weeks(count: int) -> str:
    return "one week" if count == 1 else f"{count} weeks"
