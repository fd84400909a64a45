"""The one schema of parameters: sliders, options, validation, README and URL derive from it."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal, cast

Kind = Literal["float", "int", "range", "choice", "switch"]
Range = tuple[float, float]
Value = float | int | str | bool | Range

#: Side of the square city in kilometres, Table IV.
CITY_SIDE_KM: Final = 5.0
#: Most vehicles the city is built for; slots are numbered below this.
MAX_VEHICLES: Final = 2000


class ParameterError(ValueError):
    """A parameter value that cannot be used; the message is one sentence fit for the user."""


@dataclass(frozen=True, kw_only=True)
class Meta:
    """What a parameter is, for widgets, options, validation and documentation.

    Attributes:
        name: key in `Params`, in JSON and in URLs (`rsu_capacity`); the option is `--rsu-capacity`.
        kind: `range` holds (low, high) and is written `LOW:HIGH`; equal ends are one fixed value.
        live: True where a change takes effect at the next step, False where it waits for a reset.
        group: heading of the control; `shown` ones stand on the page, the others under "more".
        low, high, step: bounds and slider step, in `unit`.
    """

    name: str
    kind: Kind
    default: Value
    help: str
    symbol: str = ""
    unit: str = ""
    source: str = ""
    low: float = 0.0
    high: float = 1.0
    step: float = 0.1
    choices: tuple[str, ...] = ()
    live: bool = True
    group: str = "Model"
    shown: bool = False

    @property
    def option(self) -> str:
        """The command line option, e.g. `--rsu-capacity`."""
        return "--" + self.name.replace("_", "-")

    @property
    def takes_effect(self) -> str:
        """When a change takes effect: `now` or `at reset`."""
        return "now" if self.live else "at reset"

    @property
    def allowed(self) -> str:
        """The allowed values in words, e.g. `0.1 to 1 s`."""
        if self.kind == "choice":
            return "one of " + ", ".join(self.choices)
        if self.kind == "switch":
            return "on or off"
        unit = f" {self.unit}" if self.unit else ""
        text = f"{self.low:g} to {self.high:g}{unit}"
        return f"{text}, one value or LOW:HIGH" if self.kind == "range" else text

    def parse(self, raw: object) -> Value:
        """Turn text or a JSON value into a valid value of this parameter.

        Args:
            raw: what came from the command line, a URL, the page or a file.

        Returns:
            A float, int, str, bool or (low, high), inside the bounds.

        Raises:
            ParameterError: one sentence that names the value, what is allowed and what to do.
        """
        try:
            return _PARSERS[self.kind](self, raw)
        except (TypeError, ValueError, OverflowError):
            shown = repr(raw) if len(repr(raw)) <= 40 else repr(raw)[:37] + "..."
            raise ParameterError(
                f"{self.name}={shown} is not possible: choose {self.allowed}."
            ) from None

    def text(self, value: Value) -> str:
        """The value as written on the command line and in URLs; `parse` reads it back."""
        if self.kind == "range":
            low, high = cast(Range, value)
            return f"{low:g}" if low == high else f"{low:g}:{high:g}"
        if self.kind == "switch":
            return "on" if value else "off"
        return f"{value:g}" if isinstance(value, float) else str(value)


def _number(meta: Meta, raw: object) -> float:
    if isinstance(raw, bool) or not isinstance(raw, (int, float, str)):
        raise TypeError
    if isinstance(raw, str) and len(raw) > 32:
        raise ValueError
    value = float(raw)
    if not math.isfinite(value) or not meta.low <= value <= meta.high:
        raise ValueError
    return value


def _parse_int(meta: Meta, raw: object) -> int:
    value = _number(meta, raw)
    if value != int(value):
        raise ValueError
    return int(value)


def _parse_range(meta: Meta, raw: object) -> Range:
    ends: list[object]
    if isinstance(raw, str):
        ends = list(raw.split(":")) if len(raw) <= 64 else []
    elif isinstance(raw, (list, tuple)):
        ends = list(raw)
    else:
        ends = [raw]
    if len(ends) not in (1, 2):
        raise ValueError
    low, high = _number(meta, ends[0]), _number(meta, ends[-1])
    if low > high:
        raise ValueError
    return low, high


def _parse_choice(meta: Meta, raw: object) -> str:
    if isinstance(raw, (int, float)) and not isinstance(raw, bool):
        raw = f"{raw:g}"
    if not isinstance(raw, str) or raw not in meta.choices:
        raise ValueError
    return raw


def _parse_switch(meta: Meta, raw: object) -> bool:
    del meta
    if isinstance(raw, bool):
        return raw
    if isinstance(raw, str):
        return {"on": True, "true": True, "off": False, "false": False}[raw.lower()]
    raise TypeError


def _switch_or_value_error(meta: Meta, raw: object) -> bool:
    try:
        return _parse_switch(meta, raw)
    except KeyError:
        raise ValueError from None


_PARSERS: Final[Mapping[str, Callable[[Meta, object], Value]]] = {
    "float": _number,
    "int": _parse_int,
    "range": _parse_range,
    "choice": _parse_choice,
    "switch": _switch_or_value_error,
}


def param(default: Value, help: str, **about: Any) -> Any:
    """Declare one field of `Params`; the kind follows from the default unless given."""
    kind = about.pop("kind", None) or _kind_of(default, about)
    return field(default=default, metadata={"about": {"kind": kind, "help": help, **about}})


def _kind_of(default: Value, about: Mapping[str, Any]) -> Kind:
    if isinstance(default, bool):
        return "switch"
    if isinstance(default, tuple):
        return "range"
    if "choices" in about:
        return "choice"
    return "int" if isinstance(default, int) else "float"


@dataclass(frozen=True, kw_only=True)
class Params:
    """Everything that can be set, in the paper's units; `engine.units` turns them into SI once.

    Raises:
        ParameterError: a value outside its bounds, or two values that contradict each other.
    """

    # Traffic
    vehicles: int = param(
        200,
        "Vehicles kept in the city",
        symbol="N",
        unit="",
        source="Table IV",
        low=1,
        high=MAX_VEHICLES,
        step=10,
        group="Traffic",
        shown=True,
    )
    density: tuple[float, float] = param(
        (0.0, 0.0),
        "Density that sets N instead of vehicles; 0 is off, LOW:HIGH swings over ten minutes",
        symbol="N/X²",
        unit="vehicles/km²",
        source="Section VI-A: 20, 20-60, 60",
        low=0.0,
        high=80.0,
        step=1.0,
        group="Traffic",
    )
    # Tasks
    deadline: tuple[float, float] = param(
        (0.1, 1.0),
        "Deadline of a task, one value or a range",
        symbol="T_n",
        unit="s",
        source="Table IV, eq. (22)",
        low=0.1,
        high=1.0,
        step=0.05,
        group="Tasks",
        shown=True,
    )
    task_size: tuple[float, float] = param(
        (0.5, 2.0),
        "Data of a task",
        symbol="D_n",
        unit="MB",
        source="Table IV, eq. (7)",
        low=0.1,
        high=4.0,
        step=0.1,
        group="Tasks",
        shown=True,
    )
    task_cycles: tuple[float, float] = param(
        (0.5, 1.5),
        "Work of a task",
        symbol="C_n",
        unit="Gcycle",
        source="Table IV, eq. (5)",
        low=0.1,
        high=3.0,
        step=0.1,
        group="Tasks",
    )
    task_rate: float = param(
        0.5,
        "Mean tasks per vehicle and second",
        symbol="λ",
        unit="1/s",
        source="MODEL A3.2",
        low=0.05,
        high=1.0,
        step=0.05,
        group="Tasks",
        shown=True,
    )
    task_switching: float = param(
        0.1,
        "How fast a vehicle's task session starts and ends",
        symbol="b",
        unit="1/s",
        source="MODEL A3.2",
        low=0.01,
        high=0.5,
        step=0.01,
        group="Tasks",
    )
    deadline_rule: str = param(
        "floor",
        "floor: none below what a nominal RSU can meet; uniform: the paper's independent draw",
        symbol="T_lo",
        source="MODEL A1 row 6",
        choices=("floor", "uniform"),
        group="Tasks",
    )
    deadline_slack: float = param(
        1.25,
        "Slack of the deadline floor over the best split of a lone nominal task",
        symbol="χ",
        source="MODEL A3.2",
        low=0.5,
        high=3.0,
        step=0.05,
        group="Tasks",
    )
    applications: str = param(
        "same",
        "same: all draw alike; classes: three applications, mixed per vehicle by Dirichlet(0.3)",
        source="MODEL A3.2",
        choices=("same", "classes"),
        live=False,
        group="Tasks",
    )
    # Vehicles
    vehicle_cpu: tuple[float, float] = param(
        (1.5, 2.5),
        "Processor of a vehicle",
        symbol="f_n",
        unit="GHz",
        source="Table IV, eq. (5)",
        low=0.5,
        high=4.0,
        step=0.1,
        group="Vehicles",
    )
    battery: tuple[float, float] = param(
        (200.0, 300.0),
        "Battery of a vehicle for computing",
        symbol="E_n",
        unit="Wh",
        source="Table IV, (C.2)",
        low=0.1,
        high=1000.0,
        step=10.0,
        live=False,
        group="Vehicles",
    )
    vehicle_charge: float = param(
        500.0,
        "Power that recharges a vehicle's battery while it drives; 0 is the paper's",
        unit="W",
        source="keeps a long run alive: a task a second half the time takes about 500 W",
        low=0.0,
        high=5000.0,
        step=50.0,
        group="Vehicles",
    )
    # RSUs
    rsu_capacity: tuple[float, float] = param(
        (2.5, 3.5),
        "Clock of one RSU core",
        symbol="f_m",
        unit="GHz",
        source="Table IV, eq. (10)",
        low=1.0,
        high=8.0,
        step=0.1,
        group="RSUs",
        shown=True,
    )
    rsu_cores: str = param(
        "1",
        "Cores of an RSU, one task each at a time",
        symbol="K_m",
        source="MODEL A2, (C.4)-(C.6)",
        choices=("1", "2", "4", "8"),
        live=False,
        group="RSUs",
        shown=True,
    )
    rsu_price: tuple[float, float] = param(
        (0.25, 0.5),
        "Price of a full offload at an RSU",
        symbol="p_m",
        source="eq. (21), MODEL A2",
        low=0.0,
        high=1.0,
        step=0.05,
        group="RSUs",
    )
    mesh_rate: tuple[float, float] = param(
        (100.0, 150.0),
        "Rate of the links between RSUs",
        symbol="r_m",
        unit="Mbit/s",
        source="Table IV",
        low=10.0,
        high=1000.0,
        step=10.0,
        group="RSUs",
    )
    mesh: str = param(
        "stale",
        "Re-routing among RSUs: off, stale (vehicles choose by twins), live (RSUs forward)",
        source="MODEL A3.8",
        choices=("off", "stale", "live"),
        group="RSUs",
        shown=True,
    )
    admission: bool = param(
        False,
        "RSUs refuse work that would miss its deadline in the queue",
        source="MODEL B",
        group="RSUs",
    )
    rsu_mains: bool = param(
        True,
        "RSUs are on mains; off: they live on their battery and fail when it is empty",
        symbol="E_m",
        source="MODEL A2",
        live=False,
        group="RSUs",
    )
    rsu_battery: tuple[float, float] = param(
        (1000.0, 1500.0),
        "Battery of an RSU, used when mains is off",
        symbol="E_m",
        unit="Wh",
        source="Table IV",
        low=1.0,
        high=5000.0,
        step=50.0,
        live=False,
        group="RSUs",
    )
    # Twins
    sync_interval: str = param(
        "1",
        "Seconds between two synchronisations of the twins",
        symbol="S",
        unit="s",
        source="Section III-B, MODEL A3.6",
        choices=("0.1", "0.5", "1", "2", "5"),
        group="Twins",
        shown=True,
    )
    # Offloading
    v2v: bool = param(
        False,
        "Idle neighbour vehicles within 200 m may serve a task",
        source="eq. (10), MODEL A3.7",
        group="Offloading",
        shown=True,
    )
    mandate: bool = param(
        False,
        "Force the share a vehicle cannot finish in time itself, rho >= 1 - f T / C",
        symbol="rho_min",
        source="eq. (18), MODEL A3.7",
        group="Offloading",
    )
    rho: float = param(
        0.3,
        "Offloading fraction of the scheme `constant`",
        symbol="ρ",
        source="MODEL, references",
        low=0.0,
        high=1.0,
        step=0.05,
        group="Offloading",
    )
    download_share: str = param(
        "task",
        "Result size: delta D_n whatever the share (task, eq. 12) or delta rho D_n (share)",
        symbol="δ",
        source="MODEL A1 row 42",
        choices=("task", "share"),
        group="Offloading",
    )
    equations: str = param(
        "calibrated",
        "calibrated: MODEL A3; paper-literal: eqs. (5)-(22) as printed",
        source="MODEL A3.11",
        choices=("calibrated", "paper-literal"),
        live=False,
        group="Model",
        shown=True,
    )
    # Learning
    train: bool = param(
        False,
        "Learned schemes explore and learn while they act",
        source="Algorithms 3 and 4",
        group="Learning",
        shown=True,
    )
    start: str = param(
        "shipped",
        "Where learned schemes begin: as the package ships them, or from scratch",
        source="Algorithm 4, line 1",
        choices=("shipped", "scratch"),
        live=False,
        group="Learning",
        shown=True,
    )
    ingredients: str = param(
        "own",
        "What learned schemes know: own, what the paper gives each of them; equal, what AF-MARL has"
        " (toll, forecast, seats by quotas, closed form of the split)",
        source="Section VI-A, MODEL C",
        choices=("own", "equal"),
        live=False,
        group="Learning",
        shown=True,
    )
    forecast: str = param(
        "transformer",
        "AdFL context of AF-MARL: the transformer's, the twin's last value (persistence), or zero",
        source="Algorithm 1, MODEL D.6",
        choices=("transformer", "persistence", "off"),
        group="Learning",
    )
    cvae: bool = param(
        True,
        "Tokens of the forecast hold the CVAE's latent; off: the state itself, with other weights",
        symbol="z_n",
        source="Algorithm 2, MODEL D.2",
        group="Learning",
    )
    aggregation: str = param(
        "semi",
        "When federated models are merged: semi-synchronous, synchronous, asynchronous or never",
        source="Algorithm 3, MODEL D.4",
        choices=("semi", "sync", "async", "none"),
        group="Learning",
    )
    agent_twin: str = param(
        "fresh",
        "AF-MARL sees RSU twins as synchronised, every fifth second only, or not at all (off)",
        source="eq. (46), MODEL A3.9",
        choices=("fresh", "stale", "off"),
        group="Learning",
    )
    # Run
    seed: int = param(
        0,
        "Seed of everything random in a run",
        low=0,
        high=2**31 - 1,
        step=1,
        live=False,
        group="Run",
        shown=True,
    )
    best_budget: float = param(
        0.2,
        "Seconds of computing per step that the reference `best` may use",
        unit="s",
        source="MODEL, references",
        low=0.01,
        high=10.0,
        step=0.01,
        group="Run",
    )

    def __post_init__(self) -> None:
        """Check every field against its `Meta`."""
        for meta in METAS.values() if "METAS" in globals() else ():
            object.__setattr__(self, meta.name, meta.parse(getattr(self, meta.name)))

    @classmethod
    def parse(cls, raw: Mapping[str, object], base: Params | None = None) -> Params:
        """Parameters from names and raw values, the rest from `base` or the defaults.

        Raises:
            ParameterError: an unknown name or a value that cannot be used.
        """
        changes: dict[str, Value] = {}
        for name, value in raw.items():
            if name not in METAS:
                raise ParameterError(
                    f"There is no parameter {str(name)[:40]!r}: choose among {', '.join(METAS)}."
                )
            changes[name] = METAS[name].parse(value)
        start = base or cls()
        if "vehicles" in changes and "density" not in changes:
            changes["density"] = (0.0, 0.0)  # the newest wish counts; density off
        return dataclasses.replace(start, **cast(Any, changes))

    def as_json(self) -> dict[str, Any]:
        """All values by name, ready for JSON; ranges as [low, high]."""
        return {
            name: list(value) if isinstance(value := getattr(self, name), tuple) else value
            for name in METAS
        }

    def target_vehicles(self, t_s: float) -> int:
        """Vehicles wanted at time `t_s`: N, or the density times 25 km², swinging over 600 s."""
        low, high = self.density
        if high <= 0.0:
            return self.vehicles
        swing = 0.5 - 0.5 * math.cos(2.0 * math.pi * t_s / 600.0)
        wanted = (low + (high - low) * swing) * CITY_SIDE_KM**2
        return max(1, min(MAX_VEHICLES, round(wanted)))


METAS: Final[Mapping[str, Meta]] = {
    f.name: Meta(name=f.name, default=cast(Value, f.default), **f.metadata["about"])
    for f in dataclasses.fields(Params)
}


def markdown_table(metas: Iterable[Meta] | None = None) -> str:
    """The parameter table of the README, one row a parameter."""
    rows = [
        "| option | symbol | default | allowed | takes effect | what it is (source) |",
        "|---|---|---|---|---|---|",
    ]
    for meta in metas or METAS.values():
        unit = f" {meta.unit}" if meta.unit else ""
        source = f" ({meta.source})" if meta.source else ""
        rows.append(
            f"| `{meta.option}` | {meta.symbol} | {meta.text(meta.default)}{unit} | {meta.allowed} "
            f"| {meta.takes_effect} | {meta.help}{source} |"
        )
    return "\n".join(rows)
