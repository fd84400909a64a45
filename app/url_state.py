"""The page's state in its address: a pure codec between a `View` and a query string.

`assets/live/url.mjs` is the same codec in the browser. A link that says anything of the engine
(`preset`) describes it whole: the preset's values and what differs from them.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, get_args
from urllib.parse import parse_qsl, quote

from app.measure import MEASURES
from app.messages import MAX_ARMS
from app.panel import Subject
from app.theme import THEMES
from engine.change import DEFAULT_STEPS, STEPS, Change
from engine.control import SPEEDS, ControlError, check_stage
from engine.params import CITY_SIDE_KM, METAS, ParameterError, Value
from engine.presets import PRESETS
from engine.stage import SCHEMES

#: What vehicles can be coloured by, the first without being asked.
COLOURINGS: Final = ("offloading", "cost", "success", "rsu", "battery", "age")
#: Layers of the map; all are on without being asked.
LAYERS: Final = ("links", "coverage", "signals", "mesh", "labels", "legend")
#: What charts can be narrowed down to; without being asked a page shows what it has room for.
SUBJECTS: Final = get_args(Subject)
_SIDE_M: Final = CITY_SIDE_KM * 1000
_ZOOM: Final = (0.01, 50.0)
_SAFE: Final = ",:"


@dataclass(frozen=True, kw_only=True)
class View:
    """What is on screen; a field at its default does not stand in the address.

    Attributes:
        preset: parameters start from it; "" says nothing of the engine at all.
        params: parameters that differ from the preset's. stage: schemes, None for the default ones.
        speed: one of `engine.control.SPEEDS`. select: `v12` a vehicle, `r3` an RSU, "" nothing.
        camera: centre x and y in metres and pixels per metre; None shows the whole city.
        colour: one of `COLOURINGS`. arm: whose decisions the map shows, "" for the first on stage.
        layers: what the map shows. charts: one of `SUBJECTS`, "" for what fits.
        theme: "" follows the system. presenter: only map and panels.
        arms: schemes side by side on Compare, empty for the first on stage. reference: the one that
            the others are compared with, "" for the usual one. measure: what is compared, one of
            `MEASURES` by name. fork: what a fork changes, as `fork_change` reads it, "" for
            nothing chosen. horizon: steps of a fork.
    """

    preset: str = ""
    params: Mapping[str, Value] = field(default_factory=dict)
    stage: tuple[str, ...] | None = None
    speed: int = 1
    select: str = ""
    camera: tuple[float, float, float] | None = None
    colour: str = COLOURINGS[0]
    arm: str = ""
    layers: tuple[str, ...] = LAYERS
    charts: str = ""
    theme: str = ""
    presenter: bool = False
    arms: tuple[str, ...] = ()
    reference: str = ""
    measure: str = MEASURES[0].name
    fork: str = ""
    horizon: int = DEFAULT_STEPS


def encode(view: View) -> str:
    """The query string of a view, without `?`; `decode` reads it back."""
    pairs: list[tuple[str, str]] = []
    if view.preset:
        pairs.append(("preset", view.preset))
        pairs += [(name, METAS[name].text(value)) for name, value in sorted(view.params.items())]
        if view.stage is not None:
            pairs.append(("stage", ",".join(view.stage)))
        if view.speed != 1:
            pairs.append(("speed", "max" if view.speed == 0 else str(view.speed)))
    if view.select:
        pairs.append(("select", view.select))
    if view.camera is not None:
        x, y, zoom = view.camera
        pairs.append(("view", f"{x:.0f},{y:.0f},{zoom:.4f}"))
    for key, value, default in (
        ("colour", view.colour, COLOURINGS[0]),
        ("arm", view.arm, ""),
        ("layers", ",".join(view.layers) or "none", ",".join(LAYERS)),
        ("charts", view.charts, ""),
        ("theme", view.theme, ""),
        ("present", "1" if view.presenter else "", ""),
        ("arms", ",".join(view.arms), ""),
        ("reference", view.reference, ""),
        ("measure", view.measure, MEASURES[0].name),
        ("fork", view.fork, ""),
        ("horizon", str(view.horizon), str(DEFAULT_STEPS)),
    ):
        if value != default:
            pairs.append((key, value))
    return "&".join(f"{key}={quote(value, safe=_SAFE)}" for key, value in pairs)


def decode(query: str) -> tuple[View, tuple[str, ...]]:
    """The view of a query string, and one sentence for each thing in it that was ignored.

    Args:
        query: with or without its `?`; at most 4000 characters are read.
    """
    found: dict[str, Any] = {}
    params: dict[str, Value] = {}
    problems: list[str] = []
    for key, raw in parse_qsl(query.removeprefix("?")[:4000], keep_blank_values=True):
        try:
            if key in METAS:
                params[key] = METAS[key].parse(raw)
            elif key in _READERS:
                field_name, read = _READERS[key]
                found[field_name] = read(raw)
            else:
                problems.append(f"The link has an unknown part, {key[:40]!r}, which is ignored.")
        except ParameterError as error:
            problems.append(str(error))
        except (ValueError, ControlError):
            problems.append(f"The link's {key}={raw[:40]!r} means nothing and is ignored.")
    if params or "stage" in found or "speed" in found:
        found.setdefault("preset", "default")
    start = PRESETS[found["preset"]].params() if "preset" in found else None
    kept = {name: value for name, value in params.items() if getattr(start, name) != value}
    return View(params=kept, **found), tuple(problems)


def _one_of(allowed: tuple[str, ...]) -> Callable[[str], str]:
    def read(raw: str) -> str:
        if raw not in allowed:
            raise ValueError(raw)
        return raw

    return read


def _stage(raw: str) -> tuple[str, ...]:
    return check_stage([name for name in raw.split(",") if name])


def _speed(raw: str) -> int:
    speed = 0 if raw == "max" else int(raw)
    if speed not in SPEEDS or (speed == 0 and raw != "max"):
        raise ValueError(raw)
    return speed


def _select(raw: str) -> str:
    if not (raw[:1] in ("v", "r") and raw[1:].isascii() and raw[1:].isdigit() and len(raw) <= 10):
        raise ValueError(raw)
    return raw[0] + str(int(raw[1:]))


def _camera(raw: str) -> tuple[float, float, float]:
    x, y, zoom = (float(part) for part in raw.split(","))
    if not all(map(math.isfinite, (x, y, zoom))):
        raise ValueError(raw)
    inside = min(x, y) >= -_SIDE_M and max(x, y) <= 2 * _SIDE_M
    if not (inside and _ZOOM[0] <= zoom <= _ZOOM[1]):
        raise ValueError(raw)
    return x, y, zoom


def _layers(raw: str) -> tuple[str, ...]:
    names = [] if raw == "none" else raw.split(",")
    if not set(names) <= set(LAYERS):
        raise ValueError(raw)
    return tuple(name for name in LAYERS if name in names)


def _arms(raw: str) -> tuple[str, ...]:
    arms = check_stage([name for name in raw.split(",") if name])
    if not 0 < len(arms) <= MAX_ARMS:
        raise ValueError(raw)
    return arms


def _horizon(raw: str) -> int:
    low, high = STEPS
    if not (raw.isascii() and raw.isdigit()) or not low <= int(raw) <= high:
        raise ValueError(raw)
    return int(raw)


def fork_change(raw: str) -> str:
    """What a fork changes, as links write it: checked, and written as `encode` does.

    Args:
        raw: `same`, nothing at all; `swap:OLD:NEW`, a scheme in another's place; or `NAME:VALUE`,
            a parameter that takes effect at once.

    Raises:
        ValueError: it is none of these, or a value is not possible.
    """
    kind, _, rest = raw.partition(":")
    if raw == "same":
        return raw
    if kind == "swap":
        old, new = rest.split(":")
        Change.parse({"replace": {old: new}})
        return raw
    Change.parse({"params": {kind: rest}})
    return f"{kind}:{METAS[kind].text(METAS[kind].parse(rest))}"


_READERS: Final[Mapping[str, tuple[str, Callable[[str], Any]]]] = {
    "preset": ("preset", _one_of(tuple(PRESETS))),
    "stage": ("stage", _stage),
    "speed": ("speed", _speed),
    "select": ("select", _select),
    "view": ("camera", _camera),
    "colour": ("colour", _one_of(COLOURINGS)),
    "arm": ("arm", _one_of(tuple(SCHEMES))),
    "layers": ("layers", _layers),
    "charts": ("charts", _one_of(SUBJECTS)),
    "theme": ("theme", _one_of(THEMES)),
    "arms": ("arms", _arms),
    "reference": ("reference", _one_of(tuple(SCHEMES))),
    "measure": ("measure", _one_of(tuple(measure.name for measure in MEASURES))),
    "fork": ("fork", fork_change),
    "horizon": ("horizon", _horizon),
    "present": ("presenter", lambda raw: _one_of(("1",))(raw) == "1"),
}
