"""Mobility that goes on after its source was lost: another source, new vehicles, the same clock."""

from __future__ import annotations

import dataclasses

from engine.types import Mobility, Snapshot


class Continued:
    """Passes on a source's snapshots; after `replace`, time and vehicle ids go on where they were.

    Args:
        source: the first source.
    """

    def __init__(self, source: Mobility) -> None:
        self._source = source
        #: Digest of the source at work.
        self.digest = source.digest
        self._t_s = 0.0
        self._next_vehicle = 0
        self._from_t_s = 0.0
        self._from_vehicle = 0

    @property
    def pid(self) -> int | None:
        """Process id of the source, None where it has none."""
        return getattr(self._source, "pid", None)

    def step(self, target_vehicles: int) -> Snapshot:
        """The source's next snapshot, see `Mobility.step`."""
        seen = self._source.step(target_vehicles)
        seen = dataclasses.replace(
            seen, t_s=seen.t_s + self._from_t_s, vehicle=seen.vehicle + self._from_vehicle
        )
        self._t_s = seen.t_s
        if len(seen.vehicle):
            self._next_vehicle = max(self._next_vehicle, int(seen.vehicle[-1]) + 1)
        return seen

    def replace(self, source: Mobility) -> None:
        """Go on with another source, whose vehicles are new ones."""
        self._source.close()
        self._source = source
        self.digest = source.digest
        self._from_t_s, self._from_vehicle = self._t_s, self._next_vehicle

    def close(self) -> None:
        """End the source at work; safe to call twice."""
        self._source.close()
