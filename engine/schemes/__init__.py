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
from pathlib import Path
from typing import Final, Protocol, TypeGuard, TypeVar, cast

import numpy as np

from engine import catalogue
from engine.learning.checkpoint import CheckpointError
from engine.learning.trainer import Learner, LearningScheme
from engine.params import Params
from engine.types import Scheme

#: The order in which schemes are listed; others follow by name.
ORDER: Final = (
    "af-marl", "afl-maddpg", "sfl-ppo", "ddqn", "non-drl", "local", "offload", "random", "constant",
    "myopic", "tolled", "best",
)  # fmt: skip


T = TypeVar("T")


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
    found = {*catalogue.here(), *catalogue.outside()}
    known = [name for name in ORDER if name in found]
    return (*known, *sorted(found - set(known)))


def load(name: str) -> SchemeModule | LearnedModule:
    """The scheme's module.

    Raises:
        ValueError: there is no such scheme, or it is from outside and cannot be used.
    """
    if name not in names():
        raise ValueError(f"There is no scheme {name[:40]!r}: choose among {', '.join(names())}.")
    outside = catalogue.outside().get(name)
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
        ValueError: there is no such scheme, it is from outside and cannot be used, it learns
            nothing that a policy could hold, or the policy cannot be used.
    """
    module = load(name)
    if not learns(module) and policy is not None:
        raise ValueError(f"{name} does not learn: no policy can be given for it.")
    scheme = _made(name, lambda: _built(module, params, rng, policy))
    missing = [part for part in ("act", "sees_truth") if not hasattr(scheme, part)]
    if missing:
        raise catalogue.SchemeError(
            f"The scheme {name} cannot be used: what its build gives has no {missing[0]}."
        )
    return scheme


def _built(
    module: SchemeModule | LearnedModule,
    params: Params,
    rng: np.random.Generator,
    policy: Path | None,
) -> Scheme:
    if learns(module):
        return module.build(params, rng, policy)
    return cast(SchemeModule, module).build(params, rng)


def _made(name: str, make: Callable[[], T]) -> T:
    """What a scheme's module makes; errors of a stranger's are said in one sentence."""
    try:
        return make()
    except CheckpointError:
        raise
    except Exception as error:
        outside = catalogue.outside().get(name)
        if outside is None:
            raise
        raise outside.broken("cannot be built", error) from error


def check_policy(name: str, params: Params, policy: Path | None) -> None:
    """Refuse a scheme or its policy that `build` would refuse; raises ValueError as that does."""
    if policy is not None or name in names():
        build(name, params, np.random.default_rng(0), policy)


def build_learner(
    name: str, params: Params, rng: np.random.Generator, policy: Path | None
) -> Learner:
    """The learner of a scheme that learns; errors as of `build`."""
    module = cast(LearnedModule, load(name))
    return _made(name, lambda: module.build_learner(params, rng, policy))
