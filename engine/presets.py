"""Named parameter sets, MODEL.md B.5: what to start from and what each is good for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from engine.params import Params


@dataclass(frozen=True)
class Preset:
    """One named start: `overrides` on the defaults, and the lesson it is for."""

    name: str
    title: str
    note: str
    overrides: Mapping[str, object] = field(default_factory=dict)

    def params(self, **changes: object) -> Params:
        """The preset's parameters with `changes` on top; raises ParameterError."""
        return Params.parse({**self.overrides, **changes})


PRESETS: Final[Mapping[str, Preset]] = {
    preset.name: preset
    for preset in (
        Preset(
            "default",
            "Default (Table IV)",
            "200 vehicles, one core per RSU: splitting well matters",
        ),
        Preset(
            "low", "Low traffic", "20 vehicles/km²: 500 vehicles share scarce RSUs", {"density": 20}
        ),
        Preset(
            "mixed",
            "Mixed traffic",
            "20 to 60 vehicles/km², swinging over ten minutes",
            {"density": "20:60"},
        ),
        Preset(
            "high",
            "High traffic",
            "60 vehicles/km²: 1500 vehicles, RSUs far too few",
            {"density": 60},
        ),
        Preset(
            "high-provisioned",
            "High traffic, provisioned",
            "1500 vehicles, four cores per RSU: coordination pays",
            {"density": 60, "rsu_cores": "4"},
        ),
        Preset(
            "dense-learning",
            "Dense learning",
            "500 vehicles, two cores: the largest gain of coordination",
            {"density": 20, "rsu_cores": "2"},
        ),
        Preset(
            "deadline-0.1", "Deadline 0.1 s", "no task can be met by anybody", {"deadline": 0.1}
        ),
        Preset(
            "deadline-0.5",
            "Deadline 0.5 s",
            "tight: about half the tasks fit locally",
            {"deadline": 0.5},
        ),
        Preset(
            "deadline-1.0", "Deadline 1 s", "loose: nearly everybody succeeds", {"deadline": 1.0}
        ),
        Preset(
            "literal-deadlines",
            "Literal deadlines",
            "T drawn from 0.1 to 1 s whatever the task: a low ceiling",
            {"deadline_rule": "uniform"},
        ),
        Preset(
            "paper-literal",
            "Paper-literal",
            "eqs. (5)-(22) as printed: keeping everything local wins",
            {"equations": "paper-literal", "deadline_rule": "uniform", "task_rate": 1.0},
        ),
        Preset(
            "easy",
            "Easy",
            "four cores at 200 vehicles: the selfish choice is the best one",
            {"rsu_cores": "4"},
        ),
    )
}
