"""What the user wants of the engine: one versioned record, changed only by checked patches."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

from engine.change import ForkWish
from engine.checks import (
    ControlConflict,
    ControlError,
    check_params,
    check_stage,
    count,
    json_object,
    shown,
)
from engine.params import METAS, Params
from engine.presets import PRESETS
from engine.stage import DEFAULT_STAGE

#: Simulated seconds per second; 0 is as fast as it goes.
SPEEDS: Final = (1, 2, 5, 10, 0)
#: RSUs in the city.
RSUS: Final = 20


@dataclass(frozen=True, kw_only=True)
class Control:
    """Desired state of the engine; every change makes a new one with the next version.

    Attributes:
        version: counts changes. params: all parameters, also those that wait for a reset.
        stage: scheme names in the order of the legend. running: False is paused.
        speed: one of `SPEEDS`. steps: counts presses of "single step". reset: counts resets.
        down: indices of RSUs that the user failed. fork: the futures that are to be played.
    """

    version: int = 0
    params: Params = field(default_factory=Params)
    stage: tuple[str, ...] = DEFAULT_STAGE
    running: bool = True
    speed: int = 1
    steps: int = 0
    reset: int = 0
    down: frozenset[int] = frozenset()
    fork: ForkWish = field(default_factory=ForkWish)

    def as_json(self) -> dict[str, Any]:
        """The record as the store and the page have it."""
        return {
            "version": self.version,
            "params": self.params.as_json(),
            "stage": list(self.stage),
            "running": self.running,
            "speed": self.speed,
            "steps": self.steps,
            "reset": self.reset,
            "down": sorted(self.down),
            "fork": self.fork.as_json(),
        }

    @classmethod
    def from_json(cls, record: object) -> Control:
        """The control of a stored record.

        Raises:
            ControlError: the record is not one that `as_json` made with this schema.
        """
        wanted = json_object(record, "A control record")
        control = cls().merge(
            {
                name: wanted[name]
                for name in ("params", "stage", "running", "speed")
                if name in wanted
            }
        )
        down = wanted.get("down", [])
        if not isinstance(down, list) or len(down) > RSUS:
            raise ControlError("The failed RSUs of a control record are a list of indices.")
        return replace(
            control,
            version=count(wanted.get("version", 0), "version"),
            steps=count(wanted.get("steps", 0), "steps"),
            reset=count(wanted.get("reset", 0), "reset"),
            down=frozenset(_rsu_index(index) for index in down),
            fork=ForkWish.parse(wanted["fork"]) if "fork" in wanted else ForkWish(),
        )

    def merge(self, patch: object) -> Control:
        """The control after a wish, one version on.

        Args:
            patch: decoded JSON, an object with any of `params`, `preset`, `stage`, `running`,
                `speed`, `step`, `reset`, `rsu`, `fork`, and `base`, the version it was based on.

        Raises:
            ControlConflict: `base` is given and is not this version.
            ControlError: anything else that is malformed, unknown or out of bounds.
        """
        wish = json_object(patch, "A change")
        for name in wish:
            if name not in _WISHES and name != "base":
                raise ControlError(
                    f"There is no control {shown(name)}: choose among {', '.join(_WISHES)}."
                )
        if "base" in wish and count(wish["base"], "base") != self.version:
            raise ControlConflict(
                f"Somebody changed the controls meanwhile (now version {self.version}): try again."
            )
        merged = self
        for name, apply in _WISHES.items():  # a preset first, then parameters on top of it
            if name in wish:
                merged = apply(merged, wish[name])
        return replace(merged, version=self.version + 1)

    def pending(self, applied: Params) -> tuple[str, ...]:
        """Names of parameters that differ from those `applied` and wait for a reset."""
        return tuple(
            name
            for name, meta in METAS.items()
            if not meta.live and getattr(self.params, name) != getattr(applied, name)
        )


def _true(value: object, name: str) -> None:
    if value is not True:
        raise ControlError(f"{name}={shown(value)} is not possible: it is true or left out.")


def _rsu_index(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < RSUS:
        raise ControlError(f"There is no RSU {shown(value)}: choose 0 to {RSUS - 1}.")
    return value


def _preset(control: Control, name: object) -> Control:
    if not isinstance(name, str) or name not in PRESETS:
        raise ControlError(f"There is no preset {shown(name)}: choose among {', '.join(PRESETS)}.")
    return replace(control, params=PRESETS[name].params(seed=control.params.seed))


def _params(control: Control, values: object) -> Control:
    return replace(control, params=check_params(values, control.params))


def _stage(control: Control, names: object) -> Control:
    return replace(control, stage=check_stage(names))


def _running(control: Control, value: object) -> Control:
    if not isinstance(value, bool):
        raise ControlError(f"running={shown(value)} is not possible: it is true or false.")
    return replace(control, running=value)


def _speed(control: Control, value: object) -> Control:
    if isinstance(value, bool) or not isinstance(value, int) or value not in SPEEDS:
        raise ControlError(
            f"speed={shown(value)} is not possible: choose 1, 2, 5 or 10, or 0 for the fastest."
        )
    return replace(control, speed=value)


def _step(control: Control, value: object) -> Control:
    _true(value, "step")
    return replace(control, steps=control.steps + 1)


def _reset(control: Control, value: object) -> Control:
    _true(value, "reset")
    return replace(control, reset=control.reset + 1)


def _rsu(control: Control, value: object) -> Control:
    wish = json_object(value, "rsu")
    if set(wish) != {"index", "up"} or not isinstance(wish["up"], bool):
        raise ControlError('rsu is an object like {"index": 3, "up": false}.')
    index = _rsu_index(wish["index"])
    return replace(control, down=control.down - {index} if wish["up"] else control.down | {index})


def _fork(control: Control, value: object) -> Control:
    wish = ForkWish.parse(value)
    wish.change.check(control.stage)
    return replace(control, fork=wish)


_WISHES: Final[Mapping[str, Callable[[Control, object], Control]]] = {
    "preset": _preset,
    "params": _params,
    "stage": _stage,
    "running": _running,
    "speed": _speed,
    "step": _step,
    "reset": _reset,
    "rsu": _rsu,
    "fork": _fork,
}

__all__ = ["RSUS", "SPEEDS", "Control", "ControlConflict", "ControlError", "check_stage"]
