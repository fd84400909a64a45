"""JSON as the server takes it: one reading, bounded depth, finite numbers, honest text."""

from __future__ import annotations

import json
import math
from typing import Any, Final

#: Deeper nesting than any message of ours needs.
MAX_DEPTH: Final = 12
_MAX_DIGITS: Final = 20


class JsonError(ValueError):
    """The bytes are not JSON as the server takes it; the message is one sentence."""


def loads(body: bytes) -> Any:
    """The value written in `body`.

    Raises:
        JsonError: not UTF-8, not JSON, nested too deep, NaN or infinite or overlong numbers,
            a key twice in one object, or half a surrogate pair in a text.
    """
    try:
        text = body.decode("utf-8")
    except UnicodeDecodeError:
        raise JsonError("The message is not UTF-8 text.") from None
    if _depth(text) > MAX_DEPTH:
        raise JsonError(f"The message is nested deeper than {MAX_DEPTH} levels.")
    try:
        value = json.loads(
            text,
            parse_constant=_refuse_constant,
            parse_float=_finite,
            parse_int=_short_int,
            object_pairs_hook=_unique,
        )
        json.dumps(value, ensure_ascii=False).encode("utf-8")
    except JsonError:
        raise
    except UnicodeEncodeError:
        raise JsonError("The message holds half a surrogate pair.") from None
    except (ValueError, RecursionError):
        raise JsonError("The message is not JSON.") from None
    return value


def dumps(value: object) -> str:
    """`value` as JSON a browser can parse: numbers that are not finite become null."""
    try:
        return json.dumps(value, allow_nan=False, separators=(",", ":"))
    except ValueError:
        return json.dumps(_finite_only(value), allow_nan=False, separators=(",", ":"))


def _depth(text: str) -> int:
    """Deepest nesting of brackets outside strings, counted before the parser recurses."""
    depth = deepest = 0
    in_string = escaped = False
    for letter in text:
        if in_string:
            if escaped:
                escaped = False
            elif letter == "\\":
                escaped = True
            elif letter == '"':
                in_string = False
        elif letter == '"':
            in_string = True
        elif letter in "[{":
            depth += 1
            deepest = max(deepest, depth)
        elif letter in "]}":
            depth -= 1
    return deepest


def _refuse_constant(name: str) -> Any:
    raise JsonError(f"The message holds {name}, which is no JSON number.")


def _finite(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise JsonError("The message holds a number too large to use.")
    return value


def _short_int(text: str) -> int:
    if len(text) > _MAX_DIGITS:
        raise JsonError(f"The message holds a number of more than {_MAX_DIGITS} digits.")
    return int(text)


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) != len(pairs):
        raise JsonError("The message names a key twice in one object.")
    return value


def _finite_only(value: object) -> object:
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {key: _finite_only(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_finite_only(item) for item in value]
    return value
