"""Schemes, one file each: `build(params, rng) -> Scheme`, `LABEL` and `INGREDIENTS`.

A file `my_scheme.py` beside this one is the scheme `my-scheme`; packages from outside register
theirs in the entry-point group `iov_twin.schemes`.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import Final, Protocol, cast

import numpy as np

from engine.params import Params
from engine.types import Scheme

ENTRY_POINTS: Final = "iov_twin.schemes"
#: The order in which schemes are listed; others follow by name.
ORDER: Final = (
    "af-marl", "afl-maddpg", "sfl-ppo", "ddqn", "non-drl", "local", "offload", "random", "constant",
    "myopic", "tolled", "best",
)  # fmt: skip


class SchemeModule(Protocol):
    """What a scheme's file offers.

    Attributes:
        LABEL: its name on the page. INGREDIENTS: what it knows and does, one sentence.
        build: makes one for an arm, from the parameters and a generator of its own.
    """

    LABEL: str
    INGREDIENTS: str
    build: Callable[[Params, np.random.Generator], Scheme]


@cache
def names() -> tuple[str, ...]:
    """All schemes there are, in display order; nothing is imported."""
    here = {
        path.stem.replace("_", "-")
        for path in Path(__file__).parent.glob("*.py")
        if not path.stem.startswith("_")
    }
    found = here | set(_outside())
    known = [name for name in ORDER if name in found]
    return (*known, *sorted(found - set(known)))


def load(name: str) -> SchemeModule:
    """The scheme's module.

    Raises:
        ValueError: there is no such scheme.
    """
    if name not in names():
        raise ValueError(f"There is no scheme {name[:40]!r}: choose among {', '.join(names())}.")
    outside = _outside().get(name)
    if outside is not None:
        return cast(SchemeModule, outside.load())
    module = importlib.import_module(f"engine.schemes.{name.replace('-', '_')}")
    return cast(SchemeModule, module)


@cache
def _outside() -> dict[str, metadata.EntryPoint]:
    return {point.name: point for point in metadata.entry_points(group=ENTRY_POINTS)}
