"""The schemes that can be on stage: how each is named, drawn and disclosed; imports no scheme."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True)
class SchemeInfo:
    """How a scheme appears.

    Attributes:
        name: on the wire and as an option. label: in legends. ingredients: one sentence of disclosure.
        colour: the same everywhere. dash: Plotly dash. is_reference: True for what is no contender.
    """

    name: str
    label: str
    ingredients: str
    colour: str
    dash: str = "solid"
    is_reference: bool = False


SCHEMES: Final[Mapping[str, SchemeInfo]] = {
    info.name: info
    for info in (
        SchemeInfo("non-drl", "NON-DRL", "The RSU with the smallest backlog in its twin gets the whole task.", "#D55E00"),
        SchemeInfo("local", "Local", "Every task stays in its vehicle.", "#7F7F7F", "dot", True),
        SchemeInfo("offload", "Offload", "Every task goes to an RSU as a whole.", "#A65628", "dot", True),
        SchemeInfo("random", "Random", "A random share of each task is offloaded.", "#B0B000", "dot", True),
        SchemeInfo("constant", "Constant", "The same share of each task is offloaded.", "#56B4E9", "dash", True),
        SchemeInfo("myopic", "Myopic", "Each vehicle minimises its own cost by what the twins say.", "#8C6BB1", "dash", True),
        SchemeInfo("tolled", "Tolled", "Each vehicle minimises its own cost plus a toll for the delay it causes others.", "#00A087", "dash", True),
        SchemeInfo("best", "Best", "A planner that sees every task, rate and queue of the step.", "#444444", "dashdot", True),
        SchemeInfo("bound", "Bound", "Each task as if it were alone: no scheme can be better.", "#999999", "dot", True),
    )
}  # fmt: skip
DEFAULT_STAGE: Final = ("non-drl", "myopic", "tolled", "best", "bound")
