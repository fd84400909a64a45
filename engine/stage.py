"""The schemes that can be on stage: how each is named, drawn and disclosed; imports no scheme.

Names and texts come from `engine.catalogue`, that is from the files in `engine/schemes` and from
outside packages; so a new scheme is in every control and chart by being there.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from engine import catalogue

#: The line that is no scheme: every task as if it were alone.
BOUND: Final = catalogue.BOUND
DEFAULT_STAGE: Final = ("af-marl", "non-drl", "myopic", "tolled", "best", BOUND)
#: A legend has no room for more.
_LONGEST_LABEL: Final = 24

#: Display order, colours (Okabe and Ito's and what goes with them) and dashes of known schemes.
_STYLES: Final = {
    "af-marl": ("#0072B2", "solid"),
    "afl-maddpg": ("#E69F00", "solid"),
    "sfl-ppo": ("#009E73", "solid"),
    "ddqn": ("#CC79A7", "solid"),
    "non-drl": ("#D55E00", "solid"),
    "local": ("#7F7F7F", "dot"),
    "offload": ("#A65628", "dot"),
    "random": ("#B0B000", "dot"),
    "constant": ("#56B4E9", "dash"),
    "myopic": ("#8C6BB1", "dash"),
    "tolled": ("#00A087", "dash"),
    "best": ("#444444", "dashdot"),
    BOUND: ("#999999", "dot"),
}
#: Colours of schemes that are not known here, in turn.
_OTHERS: Final = ("#332288", "#117733", "#AA4499", "#882255", "#6699CC", "#999933")
_REFERENCES: Final = frozenset(
    ("local", "offload", "random", "constant", "myopic", "tolled", "best", BOUND)
)


@dataclass(frozen=True)
class SchemeInfo:
    """How a scheme appears.

    Attributes:
        name: on the wire and as an option. label: in legends.
        ingredients: what it knows and does, one sentence.
        colour: the same everywhere. dash: of its lines, as Plotly calls it.
        is_reference: True for what is there to compare with.
    """

    name: str
    label: str
    ingredients: str
    colour: str
    dash: str = "solid"
    is_reference: bool = False


def _found() -> Iterator[tuple[str, str, str]]:
    """Name, label and ingredients of every scheme there is, and of the bound."""
    for name, file in catalogue.here().items():
        yield name, *_told(name, catalogue.texts(file), "")
    for name, outside in catalogue.outside().items():
        yield name, *_told(name, outside.texts(), f"Comes with the package {outside.package}.")
    yield BOUND, "Bound", "Each task as if it were alone in the city: no scheme can be better."


def _told(name: str, texts: Mapping[str, str], otherwise: str) -> tuple[str, str]:
    """Label and ingredients, one line each."""
    label = texts.get("LABEL") or name.upper()
    ingredients = texts.get("INGREDIENTS") or otherwise
    return " ".join(label.split())[:_LONGEST_LABEL], " ".join(ingredients.split())


def _schemes() -> Mapping[str, SchemeInfo]:
    order = list(_STYLES)
    found = {name: (label, ingredients) for name, label, ingredients in _found()}
    known = sorted(
        found,
        key=lambda name: (name == BOUND, order.index(name) if name in order else 99, name),
    )
    others = [name for name in known if name not in _STYLES]
    infos = {}
    for name in known:
        label, ingredients = found[name]
        if name in _STYLES:
            colour, dash = _STYLES[name]
        else:
            colour, dash = _OTHERS[others.index(name) % len(_OTHERS)], "solid"
        infos[name] = SchemeInfo(name, label, ingredients, colour, dash, name in _REFERENCES)
    return infos


#: Every scheme by name, in display order.
SCHEMES: Final[Mapping[str, SchemeInfo]] = _schemes()
