"""What the user wants of the engine: one versioned record, changed only by checked patches."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

from engine.params import METAS, ParameterError, Params
from engine.presets import PRESETS
from engine.stage import DEFAULT_STAGE, SCHEMES

#: Simulated seconds per second; 0 is as fast as it goes.
SPEEDS: Final = (1, 2, 5, 10, 0)
#: Most schemes on stage at once, and RSUs in the city.
MAX_STAGE: Final = 16
RSUS: Final = 20
_MAX_INT: Final = 2**53


class ControlError(ValueError):
    """A wish that cannot be met; the message is one sentence for the user."""


class ControlConflict(ControlError):  # noqa: N818  named as HTTP 409 is
    """The wish was based on a version that somebody else has changed since."""


@dataclass(frozen=True, kw_only=True)
class Control:
    """Desired state of the engine; every change makes a new one with the next version.

    Attributes:
        version: counts changes. params: all parameters, also those that wait for a reset.
        stage: scheme names in the order of the legend. running: False is paused.
        speed: one of `SPEEDS`. steps: counts presses of "single step". reset: counts resets.
        down: indices of RSUs that the user failed.
    """

    version: int = 0
    params: Params = field(default_factory=Params)
    stage: tuple[str, ...] = DEFAULT_STAGE
    running: bool = True
    speed: int = 1
    steps: int = 0
    reset: int = 0
    down: frozenset[int] = frozenset()

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
        }

    @classmethod
    def from_json(cls, record: object) -> Control:
        """The control of a stored record.

        Raises:
            ControlError: the record is not one that `as_json` made with this schema.
        """
        wanted = _object(record, "A control record")
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
            version=_count(wanted.get("version", 0), "version"),
            steps=_count(wanted.get("steps", 0), "steps"),
            reset=_count(wanted.get("reset", 0), "reset"),
            down=frozenset(_rsu_index(index) for index in down),
        )

    def merge(self, patch: object) -> Control:
        """The control after a wish, one version on.

        Args:
            patch: decoded JSON, an object with any of `params`, `preset`, `stage`, `running`,
                `speed`, `step`, `reset`, `rsu`, and `base`, the version it was based on.

        Raises:
            ControlConflict: `base` is given and is not this version.
            ControlError: anything else that is malformed, unknown or out of bounds.
        """
        wish = _object(patch, "A change")
        for name in wish:
            if name not in _WISHES and name != "base":
                raise ControlError(
                    f"There is no control {_shown(name)}: choose among {', '.join(_WISHES)}."
                )
        if "base" in wish and _count(wish["base"], "base") != self.version:
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


def _object(value: object, what: str) -> Mapping[str, object]:
    if not isinstance(value, dict) or not all(isinstance(name, str) for name in value):
        raise ControlError(f"{what} is a JSON object.")
    return value


def _shown(value: object) -> str:
    """The value as an error shows it: short, whatever it is."""
    if isinstance(value, str):
        return repr(value[:40])
    if isinstance(value, (bool, float)) or (isinstance(value, int) and abs(value) < _MAX_INT):
        return repr(value)
    return f"a {type(value).__name__}" if value is not None else "null"


def _count(value: object, name: str) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < _MAX_INT:
        raise ControlError(f"{name}={_shown(value)} is not possible: it is a count from 0.")
    return value


def _true(value: object, name: str) -> None:
    if value is not True:
        raise ControlError(f"{name}={_shown(value)} is not possible: it is true or left out.")


def _rsu_index(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < RSUS:
        raise ControlError(f"There is no RSU {_shown(value)}: choose 0 to {RSUS - 1}.")
    return value


def _is_scalar(value: object) -> bool:
    if isinstance(value, int) and not isinstance(value, bool):
        return abs(value) < _MAX_INT  # larger ones cannot even be printed safely
    return isinstance(value, (str, float, bool))


def _preset(control: Control, name: object) -> Control:
    if not isinstance(name, str) or name not in PRESETS:
        raise ControlError(f"There is no preset {_shown(name)}: choose among {', '.join(PRESETS)}.")
    return replace(control, params=PRESETS[name].params(seed=control.params.seed))


def _params(control: Control, values: object) -> Control:
    raw = _object(values, "params")
    for name, value in raw.items():
        ends = value if isinstance(value, (list, tuple)) and len(value) <= 2 else [value]
        if not all(_is_scalar(end) for end in ends):
            allowed = f": choose {METAS[name].allowed}" if name in METAS else ""
            raise ControlError(f"{name[:40]}={_shown(value)} is not possible{allowed}.")
    try:
        return replace(control, params=Params.parse(raw, control.params))
    except ParameterError as error:
        raise ControlError(str(error)) from None


def check_stage(names: object) -> tuple[str, ...]:
    """The scheme names for a stage; raises ControlError unless they are known, few and distinct."""
    if not isinstance(names, (list, tuple)) or len(names) > MAX_STAGE:
        raise ControlError(f"stage is a list of at most {MAX_STAGE} scheme names.")
    for name in names:
        if not isinstance(name, str) or name not in SCHEMES:
            raise ControlError(
                f"There is no scheme {_shown(name)}: choose among {', '.join(SCHEMES)}."
            )
    if len(set(names)) < len(names):
        raise ControlError("Each scheme can be on stage once.")
    return tuple(names)


def _stage(control: Control, names: object) -> Control:
    return replace(control, stage=check_stage(names))


def _running(control: Control, value: object) -> Control:
    if not isinstance(value, bool):
        raise ControlError(f"running={_shown(value)} is not possible: it is true or false.")
    return replace(control, running=value)


def _speed(control: Control, value: object) -> Control:
    if isinstance(value, bool) or not isinstance(value, int) or value not in SPEEDS:
        raise ControlError(
            f"speed={_shown(value)} is not possible: choose 1, 2, 5 or 10, or 0 for the fastest."
        )
    return replace(control, speed=value)


def _step(control: Control, value: object) -> Control:
    _true(value, "step")
    return replace(control, steps=control.steps + 1)


def _reset(control: Control, value: object) -> Control:
    _true(value, "reset")
    return replace(control, reset=control.reset + 1)


def _rsu(control: Control, value: object) -> Control:
    wish = _object(value, "rsu")
    if set(wish) != {"index", "up"} or not isinstance(wish["up"], bool):
        raise ControlError('rsu is an object like {"index": 3, "up": false}.')
    index = _rsu_index(wish["index"])
    return replace(control, down=control.down - {index} if wish["up"] else control.down | {index})


_WISHES: Final[Mapping[str, Callable[[Control, object], Control]]] = {
    "preset": _preset,
    "params": _params,
    "stage": _stage,
    "running": _running,
    "speed": _speed,
    "step": _step,
    "reset": _reset,
    "rsu": _rsu,
}
