"""Record a mobility into a trace, and replay a trace as a mobility of its own."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

from engine.mobility import trace as traces
from engine.mobility.city import SIDE_M
from engine.mobility.trace import Trace, TraceError
from engine.types import Mobility, MobilityLost, Progress, Snapshot

_HEADINGS: Final = np.linspace(0.0, 2 * np.pi, 256, endpoint=False)
_HEADINGS[129:] -= 2 * np.pi
_TENTHS: Final = np.linspace(0.0, 6553.5, 65536)


def record(
    mobility: Mobility,
    steps: int,
    target_vehicles: Callable[[float], int],
    path: Path,
    *,
    seed: int,
    warm_up: int = 0,
    progress: Callable[[int, int], None] | None = None,
) -> Trace:
    """Step a mobility and write what it shows.

    Args:
        mobility: the source; stays open.
        steps: seconds to record.
        target_vehicles: wanted number at each simulated time in seconds.
        path: the trace to write.
        seed: noted in the trace.
        warm_up: seconds before the recording starts.
        progress: called with the steps done and to do, warm-up included.

    Raises:
        MobilityLost: the source ended early; nothing is written.
    """
    shots: list[Snapshot] = []
    for step in range(warm_up + steps):
        snapshot = mobility.step(target_vehicles(float(step)))
        if step >= warm_up:
            shots.append(snapshot)
        if progress is not None:
            progress(step + 1, warm_up + steps)
    trace = _trace(shots, {"seed": seed, "source": mobility.digest, "numpy": np.__version__})
    traces.save(trace, path)
    return trace


def _trace(shots: list[Snapshot], about: dict[str, object]) -> Trace:
    position = np.clip(np.concatenate([s.position_m for s in shots]), 0.0, SIDE_M)
    grid = np.rint(position * 10).astype(np.uint16)
    speed = np.concatenate([s.speed_mps for s in shots])
    turns = np.concatenate([s.heading_rad for s in shots]) / (2 * np.pi)
    return Trace(
        meta={
            "format": traces.FORMAT,
            "version": traces.VERSION,
            "steps": len(shots),
            "side_m": SIDE_M,
            "first_t_s": shots[0].t_s,
            **about,
        },
        start=np.concatenate([[0], np.cumsum([len(s.vehicle) for s in shots])]).astype(np.int64),
        vehicle=np.concatenate([s.vehicle for s in shots]).astype(np.uint32),
        kind=np.concatenate([s.kind for s in shots]).astype(np.uint8),
        x=grid[:, 0],
        y=grid[:, 1],
        speed=np.clip(np.rint(speed * 10), 0, 255).astype(np.uint8),
        heading=(np.rint(turns * 256).astype(np.int64) & 255).astype(np.uint8),
    )


class RecordedMobility:
    """A trace played back; shows the vehicles with the lowest ids where fewer are wanted.

    Args:
        path: the trace.
        loop: start again at the end, with new ids, instead of ending.

    Raises:
        TraceError: the trace cannot be used.
    """

    def __init__(self, path: Path, *, loop: bool = False) -> None:
        self._path = path.absolute()
        self._trace = traces.load(path)
        self._loop = loop
        self._played = 0
        self._vehicle = self._trace.vehicle.astype(np.int64)
        self._kind = self._trace.kind.astype(np.int64)
        self._start = self._trace.start.tolist()
        self._ids = int(self._vehicle.max()) + 1 if len(self._vehicle) else 0
        self.digest = self._trace.digest()

    @property
    def steps(self) -> int:
        """Seconds recorded."""
        return self._trace.steps

    def step(self, target_vehicles: int) -> Snapshot:
        """Show the next second, at most the `target_vehicles` lowest ids of it.

        Raises:
            MobilityLost: the trace is over.
        """
        trace = self._trace
        lap, step = divmod(self._played, trace.steps)
        if lap and not self._loop:
            raise MobilityLost(
                f"The trace ended after {trace.steps} steps: record a longer one or run fewer."
            )
        self._played += 1
        start = self._start[step]
        rows = slice(start, min(self._start[step + 1], start + max(0, target_vehicles)))
        position = np.empty((rows.stop - start, 2))
        position[:, 0], position[:, 1] = _TENTHS[trace.x[rows]], _TENTHS[trace.y[rows]]
        return Snapshot(
            t_s=float(trace.meta["first_t_s"]) + self._played - 1,
            vehicle=self._vehicle[rows] + lap * self._ids,
            position_m=position,
            speed_mps=_TENTHS[trace.speed[rows]],
            heading_rad=_HEADINGS[trace.heading[rows]],
            kind=self._kind[rows].copy(),
        )

    def fork(self) -> RecordedFork:
        """See `Mobility.fork`."""
        return RecordedFork(self._path, self._loop, self._played, self.digest)

    def play(self, seconds: int) -> None:
        """Go on as if so many seconds had been played from the beginning."""
        self._played = seconds

    def close(self) -> None:
        """Nothing to end."""


@dataclass(frozen=True)
class RecordedFork:
    """How far a trace was played."""

    path: Path
    loop: bool
    played: int
    digest: str

    def open(self, progress: Progress) -> RecordedMobility:
        """See `MobilityFork.open`."""
        mobility = RecordedMobility(self.path, loop=self.loop)
        if mobility.digest != self.digest:
            raise MobilityLost(f"{self.path} is not the trace any more that the run plays.")
        mobility.play(self.played)
        progress(1, 1)
        return mobility


__all__ = ["RecordedMobility", "TraceError", "record"]
