"""Where the vehicles of training episodes come from, and which recording fits which load."""

from __future__ import annotations

import glob
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from engine.mobility import open_mobility
from engine.mobility import trace as traces
from engine.mobility.recorded import RecordedMobility
from engine.params import ParameterError, Params
from engine.types import Mobility


class Traffic(Protocol):
    """Opens the traffic of each episode."""

    def about(self) -> dict[str, Any]:
        """What was asked for and what it held, for provenance and to tell another one apart."""
        ...

    def recordings(self, load: int) -> int:
        """How many there are for a load: laps beyond meet the same again. 1 if none is recorded."""
        ...

    def open(self, load: int, lap: int, params: Params) -> Mobility:
        """The traffic of an episode.

        Args:
            load: which of the loads it is of.
            lap: how often that load was met before.
            params: of the episode, its seed included.

        Raises:
            MobilityLost: SUMO cannot be started.
        """
        ...


def traffic(spec: str, loads: Sequence[Params], steps: int) -> Traffic:
    """What `--mobility` asks for.

    Args:
        spec: `sumo`, `synthetic`, or traces: paths and patterns, comma-separated.
        loads: parameters of the episodes in turn.
        steps: of an episode.

    Raises:
        ValueError: it is none of these, or no trace suits a load; one sentence.
    """
    if spec in ("sumo", "synthetic"):
        return _Made(spec)
    return _Recorded(spec, [_Recording.of(path) for path in _paths(spec)], loads, steps)


@dataclass(frozen=True)
class _Made:
    """A source that makes its own traffic, seeded by the episode."""

    spec: str

    def about(self) -> dict[str, Any]:
        return {"source": self.spec, "traces": {}}

    def recordings(self, load: int) -> int:
        del load
        return 1

    def open(self, load: int, lap: int, params: Params) -> Mobility:
        del load, lap
        return open_mobility(self.spec, params)


@dataclass(frozen=True)
class _Recording:
    """A trace: how long it is, how many vehicles it shows at most, and what it holds."""

    path: Path
    steps: int
    vehicles: int
    digest: str

    @classmethod
    def of(cls, path: Path) -> _Recording:
        trace = traces.load(path)
        most = int(np.diff(trace.start).max(initial=0))
        return cls(path, trace.steps, most, trace.digest())


class _Recorded:
    """Traces, each load meeting those that were recorded for its number of vehicles."""

    def __init__(
        self, spec: str, found: Sequence[_Recording], loads: Sequence[Params], steps: int
    ) -> None:
        self._spec = spec
        self._turns = [_fitting(found, params, steps) for params in loads]

    def about(self) -> dict[str, Any]:
        used = {one.path.name: one.digest for turn in self._turns for one in turn}
        return {"source": self._spec, "traces": dict(sorted(used.items()))}

    def recordings(self, load: int) -> int:
        return len(self._turns[load])

    def open(self, load: int, lap: int, params: Params) -> Mobility:
        del params
        turn = self._turns[load]
        return RecordedMobility(turn[lap % len(turn)].path)


def _fitting(found: Sequence[_Recording], params: Params, steps: int) -> list[_Recording]:
    """The traces of as many vehicles as the load wants, else of the next number above.

    A trace of more vehicles shows those that came first; one of fewer would be another load.
    """
    wanted = max(params.target_vehicles(float(t)) for t in range(steps))
    enough = [one for one in found if one.vehicles >= wanted]
    if not enough:
        most = max(one.vehicles for one in found)
        raise ParameterError(
            f"The traces hold at most {most} vehicles where {wanted} are wanted: "
            f"record one with --vehicles {wanted}."
        )
    nearest = min(one.vehicles for one in enough)
    chosen = [one for one in enough if one.vehicles == nearest]
    for one in chosen:
        if one.steps < steps:
            raise ParameterError(
                f"{one.path} holds {one.steps} seconds where {steps} are wanted: "
                "record a longer one or ask for fewer."
            )
    return chosen


def _paths(spec: str) -> list[Path]:
    paths: list[Path] = []
    for part in spec.split(","):
        if not part.endswith(".npz"):
            raise ParameterError(
                f"--mobility={spec[:80]!r}: choose sumo, synthetic, or traces (.npz, "
                "comma-separated, * allowed)."
            )
        # Path.glob takes no absolute pattern.
        matching = sorted(glob.glob(part)) if glob.has_magic(part) else [part]  # noqa: PTH207
        if not matching:
            raise ParameterError(f"No trace matches {part[:80]!r}.")
        paths += [Path(name) for name in matching]
    return list(dict.fromkeys(paths))
