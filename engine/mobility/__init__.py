"""What moves the vehicles: SUMO, a recorded trace, or the paper's synthetic motion."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Final

from engine.mobility.recorded import RecordedMobility
from engine.mobility.synthetic import SyntheticMobility
from engine.params import Params
from engine.types import Mobility

#: Seconds that SUMO's city may take to fill.
FILL_S: Final = 120


def fill(mobility: Mobility, vehicles: int) -> None:
    """Let the city fill before anybody counts: SUMO takes in some forty vehicles a second.

    Args:
        mobility: to be stepped, for `FILL_S` seconds at most.
        vehicles: how many are to drive.
    """
    for _ in range(FILL_S):
        if len(mobility.step(vehicles).vehicle) >= vehicles:
            return


def open_mobility(
    spec: str,
    params: Params,
    city: Path | None = None,
    meanwhile: Callable[[], None] | None = None,
) -> Mobility:
    """The source of motion a run asks for; one source never stands in for another.

    Args:
        spec: `sumo`, `synthetic`, or the path of a recorded trace (`.npz`).
        params: the seed is taken from here.
        city: folder of the city SUMO drives in; the packaged one if None.
        meanwhile: called while SUMO loads that city, which takes it a processor of its own; the
            other sources are there at once and do not call it.

    Raises:
        MobilityLost: SUMO cannot be started.
        ValueError: `spec` is none of these, or the trace cannot be used; one sentence.
    """
    if spec == "sumo":
        # Not above: SUMO's packages take 0.3 s to import, and the other sources need none of them.
        from engine.mobility.sumo import SumoMobility  # noqa: PLC0415

        return SumoMobility(params.seed, city, meanwhile)
    if spec == "synthetic":
        return SyntheticMobility(params.seed)
    if spec.endswith(".npz"):
        return RecordedMobility(Path(spec))
    raise ValueError(
        f"mobility={spec[:80]!r}: choose sumo, synthetic or the path of a recorded trace (.npz)."
    )
