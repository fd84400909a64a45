"""What schemes are compared by: the same four measures in strips, differences and verdicts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True)
class Measure:
    """One measure.

    Attributes:
        name: in the address. label: heading. symbol: behind it, "" for none. unit: "" for none.
        column: of `engine.metrics.METRICS`. scale: what the column is multiplied with to be in
            `unit`. places: decimals shown. better: `lower` or `higher`.
        about: what it is and from which equation, for a tooltip.
    """

    name: str
    label: str
    symbol: str
    unit: str
    column: str
    scale: float
    places: int
    better: str
    about: str


MEASURES: Final = (
    Measure(
        name="cost", label="Cost", symbol="Ω", unit="", column="cost", scale=1.0, places=3,
        better="lower", about="Mean cost of a task, eq. (22). Lower is better.",
    ),
    Measure(
        name="success", label="Success", symbol="", unit="%", column="success_rate", scale=100.0,
        places=1, better="higher",
        about="Share of the tasks that met their deadline, t ≤ T (C.1). Higher is better.",
    ),
    Measure(
        name="delay", label="Delay", symbol="", unit="s", column="delay_s", scale=1.0, places=3,
        better="lower", about="Mean time until a task is done, eq. (14). Lower is better.",
    ),
    Measure(
        name="energy", label="Energy", symbol="", unit="J", column="energy_j", scale=1.0, places=0,
        better="lower", about="Mean energy of a task, eq. (15). Lower is better.",
    ),
)  # fmt: skip
