"""Mobility that goes on after its source was lost: another source, new vehicles, the same clock."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

from engine.types import Mobility, MobilityFork, Progress, Snapshot


@dataclass(frozen=True)
class Clock:
    """Where time and vehicle ids are after the last step, and where the source at work began."""

    t_s: float = 0.0
    next_vehicle: int = 0
    from_t_s: float = 0.0
    from_vehicle: int = 0


class Continued:
    """Passes on a source's snapshots; after `replace`, time and vehicle ids go on where they were.

    Args:
        source: the first source.
        clock: what it goes on from.
    """

    def __init__(self, source: Mobility, clock: Clock = Clock()) -> None:
        self._source = source
        #: Digest of the source at work.
        self.digest = source.digest
        self._clock = clock

    @property
    def pid(self) -> int | None:
        """Process id of the source, None where it has none."""
        return getattr(self._source, "pid", None)

    def step(self, target_vehicles: int) -> Snapshot:
        """The source's next snapshot, see `Mobility.step`."""
        seen, clock = self._source.step(target_vehicles), self._clock
        seen = dataclasses.replace(
            seen, t_s=seen.t_s + clock.from_t_s, vehicle=seen.vehicle + clock.from_vehicle
        )
        newest = int(seen.vehicle[-1]) if len(seen.vehicle) else -1
        next_vehicle = max(clock.next_vehicle, newest + 1)
        self._clock = dataclasses.replace(clock, t_s=seen.t_s, next_vehicle=next_vehicle)
        return seen

    def replace(self, source: Mobility) -> None:
        """Go on with another source, whose vehicles are new ones."""
        self._source.close()
        self._source = source
        self.digest = source.digest
        t_s, next_vehicle = self._clock.t_s, self._clock.next_vehicle
        self._clock = Clock(t_s, next_vehicle, t_s, next_vehicle)

    def fork(self) -> ContinuedFork:
        """See `Mobility.fork`."""
        return ContinuedFork(self._source.fork(), self._clock)

    def close(self) -> None:
        """End the source at work; safe to call twice."""
        self._source.close()


@dataclass(frozen=True)
class ContinuedFork:
    """Where the source at work stood, and the clock over all sources."""

    source: MobilityFork
    clock: Clock

    def open(self, progress: Progress) -> Continued:
        """See `MobilityFork.open`."""
        return Continued(self.source.open(progress), self.clock)
