"""What sets one of two futures apart from the other, and the wish to see both."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from engine.checks import ControlError, check_params, check_scheme, check_stage, json_object, shown
from engine.params import METAS, Params
from engine.stage import BOUND

#: Fewest and most seconds that futures are played, and how many unless told.
STEPS: Final = (1, 600)
DEFAULT_STEPS: Final = 120
_ID: Final = re.compile(r"[A-Za-z0-9_-]{0,40}")
_CHANGES: Final = ("params", "stage", "replace")
_WISHES: Final = ("id", "change", "steps")


@dataclass(frozen=True, kw_only=True)
class Change:
    """What is otherwise in one of the futures; nothing at all if left empty.

    Attributes:
        params: raw values of parameters by name. stage: schemes, None for those that are there.
        replace: a scheme and the one that takes over its arm: its queues, batteries and twins.
    """

    params: Mapping[str, Any] = field(default_factory=dict)
    stage: tuple[str, ...] | None = None
    replace: tuple[str, str] | None = None

    @classmethod
    def parse(cls, raw: object) -> Change:
        """The change of a decoded JSON object, as `as_json` gives it.

        Raises:
            ControlError: it is none, or a value in it is not possible.
        """
        wish = _known(json_object(raw, "A change"), _CHANGES)
        return cls(
            params=_live(wish.get("params", {})),
            stage=check_stage(wish["stage"]) if "stage" in wish else None,
            replace=_replacement(wish["replace"]) if "replace" in wish else None,
        )

    def as_json(self) -> dict[str, Any]:
        """The change as the store and the page have it; what it leaves alone is not named."""
        named: dict[str, Any] = {}
        if self.params:
            named["params"] = dict(self.params)
        if self.stage is not None:
            named["stage"] = list(self.stage)
        if self.replace is not None:
            named["replace"] = dict([self.replace])
        return named

    def check(self, stage: Sequence[str]) -> None:
        """Refuse what cannot be done with these schemes on stage.

        Raises:
            ControlError: the scheme to replace is not among them.
        """
        if self.replace is not None and self.replace[0] not in stage:
            raise ControlError(f"{self.replace[0]} is not on stage, so nothing can replace it.")

    def params_on(self, params: Params) -> Params:
        """The parameters after the change."""
        return Params.parse(self.params, params)


@dataclass(frozen=True, kw_only=True)
class ForkWish:
    """The wish to play two futures of the live run, from the next second on.

    Attributes:
        id: chosen by who wishes; another one is another fork, "" is none.
        change: what the second future has that the first has not. steps: seconds to play.
    """

    id: str = ""
    change: Change = field(default_factory=Change)
    steps: int = DEFAULT_STEPS

    @classmethod
    def parse(cls, raw: object) -> ForkWish:
        """The wish of a decoded JSON object, as `as_json` gives it; all but the id may be left out.

        Raises:
            ControlError: it is none, or cannot be met.
        """
        wish = _known(json_object(raw, "fork"), _WISHES)
        name, steps = wish.get("id"), wish.get("steps", DEFAULT_STEPS)
        if not isinstance(name, str) or not _ID.fullmatch(name):
            raise ControlError(
                "The id of a fork is text of up to 40 letters, digits, dashes and underscores."
            )
        low, high = STEPS
        if isinstance(steps, bool) or not isinstance(steps, int) or not low <= steps <= high:
            raise ControlError(f"steps={shown(steps)} is not possible: choose {low} to {high}.")
        return cls(id=name, change=Change.parse(wish.get("change", {})), steps=steps)

    def as_json(self) -> dict[str, Any]:
        """The wish as the store and the page have it."""
        return {"id": self.id, "change": self.change.as_json(), "steps": self.steps}


def _known(wish: Mapping[str, object], names: Sequence[str]) -> Mapping[str, object]:
    for name in wish:
        if name not in names:
            raise ControlError(
                f"There is no {shown(name)} in a fork: choose among {', '.join(names)}."
            )
    return wish


def _live(values: object) -> dict[str, Any]:
    """Values by name, as JSON has them, of parameters that a future can have otherwise."""
    named = json_object(values, "params")
    after = check_params(named, Params()).as_json()
    for name in named:
        if name == "train":
            raise ControlError("The futures of a fork do not train: leave train out.")
        if not METAS[name].live:
            raise ControlError(f"{name} takes effect at a reset, so no fork can change it.")
    return {name: after[name] for name in named}


def _replacement(value: object) -> tuple[str, str]:
    pair = json_object(value, "replace")
    if len(pair) != 1:
        raise ControlError('replace is an object like {"af-marl": "myopic"}.')
    ((old, new),) = pair.items()
    check_scheme(old)
    taken_by = check_scheme(new)
    if BOUND in (old, taken_by):
        raise ControlError(f"{BOUND} is no scheme: it neither replaces one nor is replaced.")
    if old == taken_by:
        raise ControlError(f"{old} cannot replace itself.")
    return old, taken_by
