"""Contests whose results come with the package: a JSON file each, which says how it was made."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

from engine.statistics import judge_all


@cache
def shipped() -> tuple[dict[str, Any], ...]:
    """Each by its file's name: `name`, the `command` that makes it, `contest`, and `judged`."""
    found = []
    for file in sorted(Path(__file__).parent.glob("*.json")):
        contest = json.loads(file.read_text(encoding="utf-8"))
        found.append(
            {
                "name": file.stem,
                "command": contest["made"]["command"],
                "contest": contest,
                "judged": judge_all(contest),
            }
        )
    return tuple(found)
