"""Schemes, one file each: `build(params, rng) -> Scheme`, `LABEL` and `INGREDIENTS`.

A learned one's `build` takes a policy file besides and gives a `LearningScheme`; its
`build_learner(params, rng, policy)` gives the learner by whose weights that one acts.

A file `my_scheme.py` beside this one is the scheme `my-scheme`; packages from outside register
theirs in the entry-point group `iov_twin.schemes`.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import Final, Protocol, TypeGuard, cast

import numpy as np

from engine.learning.trainer import Learner, LearningScheme
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


class LearnedModule(Protocol):
    """What a learned scheme's file offers.

    Attributes:
        LABEL, INGREDIENTS: as in `SchemeModule`.
        build: the player of an arm, from parameters, a generator of its own and a policy file;
            without a file, from where the parameter `start` says.
        build_learner: its learner, from the same.
    """

    LABEL: str
    INGREDIENTS: str
    build: Callable[[Params, np.random.Generator, Path | None], LearningScheme]
    build_learner: Callable[[Params, np.random.Generator, Path | None], Learner]


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


def load(name: str) -> SchemeModule | LearnedModule:
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


def learns(module: SchemeModule | LearnedModule) -> TypeGuard[LearnedModule]:
    """Whether the scheme of this module learns."""
    return hasattr(module, "build_learner")


def build(name: str, params: Params, rng: np.random.Generator, policy: Path | None) -> Scheme:
    """The scheme for one arm.

    Raises:
        ValueError: there is no such scheme, it learns nothing that a policy could hold, or the
            policy cannot be used.
    """
    module = load(name)
    if learns(module):
        return module.build(params, rng, policy)
    if policy is not None:
        raise ValueError(f"{name} does not learn: no policy can be given for it.")
    return cast(SchemeModule, module).build(params, rng)


def check_policy(name: str, params: Params, policy: Path | None) -> None:
    """Refuse what `build` would refuse; raises ValueError as that does."""
    build(name, params, np.random.default_rng(0), policy)


def build_learner(
    name: str, params: Params, rng: np.random.Generator, policy: Path | None
) -> Learner:
    """The learner of a scheme that learns; errors as of `build`."""
    return cast(LearnedModule, load(name)).build_learner(params, rng, policy)


@cache
def _outside() -> dict[str, metadata.EntryPoint]:
    return {point.name: point for point in metadata.entry_points(group=ENTRY_POINTS)}
