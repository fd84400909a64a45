"""The densest preset for an hour: traffic flows, and nobody is lifted out of a jam."""

from __future__ import annotations

import numpy as np
import pytest

from engine.mobility.sumo import SumoMobility

pytestmark = [pytest.mark.sumo, pytest.mark.benchmark]


def test_sixty_vehicles_per_square_kilometre_flow_for_an_hour() -> None:
    mobility = SumoMobility(0)
    try:
        for _ in range(60):
            first = mobility.step(1500)
        speeds, shown = [], []
        for _ in range(3600):
            snapshot = mobility.step(1500)
            speeds.append(snapshot.speed_mps.mean())
            shown.append(len(snapshot.vehicle))
    finally:
        mobility.close()
    minutes = np.reshape(speeds, (60, 60)).mean(axis=1)
    print(f"mean {np.mean(speeds):.2f} m/s, lowest minute {minutes.min():.2f}")
    assert minutes.min() > 6.0
    assert min(shown) > 1490  # a teleporting vehicle is not shown
    assert snapshot.vehicle.tolist() == first.vehicle.tolist()  # once in, everybody stays
