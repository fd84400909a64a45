"""How wishes are refused: one sentence that says what would be right."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from engine.params import METAS, ParameterError, Params
from engine.stage import SCHEMES

#: Most schemes on stage at once.
MAX_STAGE: Final = 16
#: Larger numbers cannot even be printed safely.
_MAX_INT: Final = 2**53


class ControlError(ValueError):
    """A wish that cannot be met; the message is one sentence for the user."""


class ControlConflict(ControlError):  # noqa: N818  named as HTTP 409 is
    """The wish was based on a version that somebody else has changed since."""


def json_object(value: object, what: str) -> Mapping[str, object]:
    """The value, if it is an object with text for names; raises ControlError."""
    if not isinstance(value, dict) or not all(isinstance(name, str) for name in value):
        raise ControlError(f"{what} is a JSON object.")
    return value


def shown(value: object) -> str:
    """The value as an error shows it: short, whatever it is."""
    if isinstance(value, str):
        return repr(value[:40])
    if isinstance(value, (bool, float)) or (isinstance(value, int) and abs(value) < _MAX_INT):
        return repr(value)
    return f"a {type(value).__name__}" if value is not None else "null"


def count(value: object, name: str) -> int:
    """The value, if it is a count from 0; raises ControlError."""
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < _MAX_INT:
        raise ControlError(f"{name}={shown(value)} is not possible: it is a count from 0.")
    return value


def check_params(values: object, base: Params) -> Params:
    """`base` with these values by name; raises ControlError unless all of them can be used."""
    raw = json_object(values, "params")
    for name, value in raw.items():
        ends = value if isinstance(value, (list, tuple)) and len(value) <= 2 else [value]
        if not all(_is_scalar(end) for end in ends):
            allowed = f": choose {METAS[name].allowed}" if name in METAS else ""
            raise ControlError(f"{name[:40]}={shown(value)} is not possible{allowed}.")
    try:
        return Params.parse(raw, base)
    except ParameterError as error:
        raise ControlError(str(error)) from None


def check_scheme(name: object) -> str:
    """The name, if there is such a scheme; raises ControlError."""
    if not isinstance(name, str) or name not in SCHEMES:
        raise ControlError(f"There is no scheme {shown(name)}: choose among {', '.join(SCHEMES)}.")
    return name


def check_stage(names: object) -> tuple[str, ...]:
    """The scheme names for a stage; raises ControlError unless they are known, few and distinct."""
    if not isinstance(names, (list, tuple)) or len(names) > MAX_STAGE:
        raise ControlError(f"stage is a list of at most {MAX_STAGE} scheme names.")
    stage = tuple(check_scheme(name) for name in names)
    if len(set(stage)) < len(stage):
        raise ControlError("Each scheme can be on stage once.")
    return stage


def _is_scalar(value: object) -> bool:
    if isinstance(value, int) and not isinstance(value, bool):
        return abs(value) < _MAX_INT
    return isinstance(value, (str, float, bool))
