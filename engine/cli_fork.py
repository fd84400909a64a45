"""The options of `run` that fork it."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import Any

from engine.change import DEFAULT_STEPS, STEPS, Change
from engine.command_line import count
from engine.fork_run import ForkPlan
from engine.params import ParameterError
from engine.stage import BOUND


def add_fork_options(parser: argparse.ArgumentParser) -> None:
    """Add what `fork_from_args` reads."""
    parser.add_argument(
        "--fork-at",
        metavar="STEP",
        help="play two futures from this step on, one as it is and one with every --change, "
        "into fork.parquet",
    )
    parser.add_argument(
        "--change",
        action="append",
        default=[],
        metavar="WHAT",
        help="NAME=VALUE of a parameter that takes effect now, scheme:OLD=NEW where a scheme takes "
        "over another's queues, batteries and twins, or stage=SCHEMES; repeatable",
    )
    low, high = STEPS
    parser.add_argument(
        "--horizon",
        metavar="SECONDS",
        help=f"how far the futures go, {low} to {high} s (default {DEFAULT_STEPS})",
    )


def fork_from_args(given: argparse.Namespace, steps: int, stage: Sequence[str]) -> ForkPlan | None:
    """The fork that is asked for, None where none is.

    Args:
        given: parsed.
        steps: of the run.
        stage: of the run.

    Raises:
        ParameterError, ControlError: it is not possible.
    """
    if given.fork_at is None:
        for option in ("change", "horizon"):
            if getattr(given, option):
                raise ParameterError(f"--{option} is of a fork: say where by --fork-at.")
        return None
    change = Change.parse(_raw(given.change))
    change.check(stage)
    horizon = DEFAULT_STEPS
    if given.horizon is not None:
        horizon = count(given.horizon, "--horizon", *STEPS)
    return ForkPlan(count(given.fork_at, "--fork-at", 0, steps), change, horizon)


def newcomers(fork: ForkPlan | None) -> tuple[str, ...]:
    """Schemes that the changed future names."""
    if fork is None:
        return ()
    named = (*(fork.change.stage or ()), *(fork.change.replace or ())[1:])
    return tuple(name for name in named if name != BOUND)


def _raw(words: Sequence[str]) -> dict[str, Any]:
    """The changes as JSON would have them."""
    raw: dict[str, Any] = {}
    for word in words:
        what, equals, value = word.partition("=")
        kind, _, old = what.partition(":")
        if not equals or not value:
            raise ParameterError(f"--change {word[:40]!r} says nothing: write NAME=VALUE.")
        if kind == "scheme":
            raw.setdefault("replace", {})[old] = value
        elif what == "stage":
            raw["stage"] = value.split(",")
        else:
            raw.setdefault("params", {})[what.replace("-", "_")] = value
    return raw
