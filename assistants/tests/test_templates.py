"""A template is data: what is wrong with a file is told with its line."""

from __future__ import annotations

from pathlib import Path

import pytest

from assistants.coaching import plans, templates
from assistants.errors import InvalidTemplate

GOOD = """\
slug: zine
title: Zine
category: print
summary: Paper.
revenue: {least: 1, most: 2, every: launch}
why: [People like paper.]
reasons:
  - {when: {followers: 10}, text: "{followers} readers"}
phases:
  - key: one
    title: One
    goal: A page.
    tasks:
      - {key: fold, title: Fold it, description: Twice., hours: 1, decides: [structure]}
"""


def read(folder: Path, text: str) -> templates.Template:
    file = folder / "zine.yaml"
    file.write_text(text)
    templates.read.cache_clear()
    return templates.read(file)


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        ("slug: zine", "slug: magazine", "zine.yaml, line 1: slug must be the file's name, zine"),
        ("hours: 1", "hours: soon", "line 14: hours must be a whole number"),
        ("title: Zine", "titel: Zine", "line 2: unknown key titel"),
        ("decides: [structure]", "decides: [taste]", "must be one of pricing, platform"),
        ("{followers} readers", "{secret} readers", "line 8: text may name followers"),
        ("least: 1", "least: 3", "line 5: least must not be more than most"),
        ("why: [People like paper.]", "why: []", "line 6: why must not be empty"),
    ],
)
def test_what_is_wrong_is_told_with_its_line(tmp_path: Path, before: str, after: str, said: str) -> None:
    with pytest.raises(InvalidTemplate) as refused:
        read(tmp_path, GOOD.replace(before, after))

    assert said in str(refused.value)


def test_a_task_twice_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidTemplate, match="the task fold is written twice, first in line 14"):
        read(tmp_path, GOOD + GOOD[GOOD.index("      - {key: fold") :])


def test_a_good_one_becomes_a_plan(tmp_path: Path) -> None:
    plan = plans.make(read(tmp_path, GOOD), None)

    assert (plan["hours"], plan["weeks"], plan["why"]) == (1, 1, ["People like paper."])


def test_those_that_are_shipped_can_be_read() -> None:
    assert {template.slug: (len(template.phases), len(template.tasks)) for template in templates.every()} == {
        "paid-newsletter": (3, 11),
        "premium-community": (4, 22),
    }
