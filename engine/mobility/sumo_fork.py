"""Where SUMO's traffic stood, told by the way there.

What SUMO 1.28 saves of itself does not do, however many digits it writes: a state it loads adapts
the weights of its routes at other seconds than the original, has the speeds that lane changes look
ahead by rounded, and knows no vehicle's claim to a crossing, so that dense traffic departs from the
original in the first second. SUMO does repeat itself bit for bit from its start.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from engine.types import Ints, MobilityLost, Progress

if TYPE_CHECKING:
    from engine.mobility.sumo import SumoMobility


@dataclass(frozen=True)
class SumoFork:
    """How many vehicles were wanted in each second so far: SUMO drives them all again.

    Attributes:
        seed, city: as of `SumoMobility`. targets: vehicles wanted, (seconds,).
        digest: of what determines the motion. checksum: of what SUMO said last.
    """

    seed: int
    city: Path | None
    targets: Ints
    digest: str
    checksum: int

    def open(self, progress: Progress) -> SumoMobility:
        """See `MobilityFork.open`; takes SUMO some milliseconds for each second so far."""
        # Not above: that module has to know this one.
        from engine.mobility.sumo import SumoMobility  # noqa: PLC0415

        mobility = SumoMobility(self.seed, self.city)
        try:
            self._drive(mobility, progress)
        except BaseException:
            mobility.close()
            raise
        return mobility

    def _drive(self, mobility: SumoMobility, progress: Progress) -> None:
        if mobility.digest != self.digest:
            raise MobilityLost("The city is not the one any more that the run drives in.")
        for done, target in enumerate(self.targets.tolist(), 1):
            mobility.step(target)
            progress(done, len(self.targets))
        if mobility.checksum != self.checksum:
            raise MobilityLost("SUMO did not come to the same second again.")
