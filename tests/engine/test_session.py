"""A session goes on over lost mobility, and live parameters act between steps."""

from __future__ import annotations

import numpy as np
import pytest

from engine.continued import Continued
from engine.mobility.synthetic import SyntheticMobility
from engine.params import Params
from engine.session import Session, live_part
from engine.types import MobilityLost, Snapshot


class Mortal(SyntheticMobility):
    """Ends after a few steps."""

    def __init__(self, seed: int, life: int) -> None:
        super().__init__(seed)
        self.life = life
        self.closed = False

    def step(self, target_vehicles: int) -> Snapshot:
        if self.life == 0:
            raise MobilityLost("It ended: reset to start it again.")
        self.life -= 1
        return super().step(target_vehicles)

    def close(self) -> None:
        self.closed = True
        super().close()


def test_another_source_goes_on_with_the_clock_and_with_new_vehicles() -> None:
    first = Mortal(0, 3)
    mobility = Continued(first)
    before = [mobility.step(5) for _ in range(3)][-1]
    with pytest.raises(MobilityLost):
        mobility.step(5)
    mobility.replace(SyntheticMobility(0))
    after = mobility.step(5)
    assert first.closed
    assert after.t_s == before.t_s + 1.0
    assert after.vehicle.min() > before.vehicle.max()
    assert np.all(np.diff(after.vehicle) > 0)


def test_steps_are_counted_through_after_a_loss() -> None:
    session = Session(Params(vehicles=20), ["local", "bound"], Mortal(0, 4))
    steps = [session.step().scene.step for _ in range(4)]
    with pytest.raises(MobilityLost):
        session.step()
    session.resume(SyntheticMobility(0))
    stepped = session.step()
    assert [*steps, stepped.scene.step] == [0, 1, 2, 3, 4]
    assert stepped.scene.fresh.all()
    assert session.segment == 1
    assert stepped.rows.shape[0] == 2


def test_only_live_parameters_are_put_in_force() -> None:
    wanted = Params(deadline=(0.5, 0.5), seed=9, rsu_cores="4")
    assert live_part(Params(), wanted) == Params(deadline=(0.5, 0.5))


def test_rows_are_in_stage_order() -> None:
    session = Session(Params(vehicles=40), ["offload", "local"], SyntheticMobility(0))
    rows = np.array([session.step().rows for _ in range(5)])
    rho = rows[:, :, 7]
    assert np.nanmin(rho[:, 0]) == 1.0
    assert np.nanmax(rho[:, 1]) == 0.0
