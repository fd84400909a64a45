"""The paper's motion: eqs. (1)-(2), streets, and the number of vehicles."""

from __future__ import annotations

import numpy as np
import pytest

from engine.mobility.synthetic import SyntheticMobility


def test_a_second_moves_a_vehicle_by_its_speed() -> None:
    mobility = SyntheticMobility(3)
    before = mobility.step(300)
    for _ in range(50):
        now = mobility.step(300)
        moved = np.abs(now.position_m - before.position_m).sum(axis=1)  # along streets, eq. (2)
        at_border = ((now.position_m == 0) | (now.position_m == 5000)).any(axis=1)
        assert np.allclose(moved[~at_border], now.speed_mps[~at_border])
        before = now


def test_speed_is_the_average_of_table_iv_and_a_random_part() -> None:
    mobility = SyntheticMobility(3)
    speeds = np.array([mobility.step(500).speed_mps for _ in range(200)])
    averages = speeds.mean(axis=0)
    assert speeds.min() >= 8.0
    assert speeds.max() <= 22.0
    assert np.abs(speeds - averages).max() < 2.5
    assert averages.min() == pytest.approx(10.0, abs=0.4)  # the mean of 200 draws of v_rand
    assert averages.max() == pytest.approx(20.0, abs=0.4)


def test_vehicles_stay_on_the_streets_of_the_grid() -> None:
    mobility = SyntheticMobility(0, side_m=2000.0, block_m=200.0)
    for _ in range(300):
        now = mobility.step(200)
    off = np.abs(now.position_m / 200.0 - np.rint(now.position_m / 200.0)).min(axis=1)
    assert off.max() < 1e-6
    assert 0.0 <= now.position_m.min() <= now.position_m.max() <= 2000.0


def test_heading_points_where_the_vehicle_went() -> None:
    mobility = SyntheticMobility(1)
    before = mobility.step(200)
    now = mobility.step(200)
    straight = before.heading_rad == now.heading_rad
    moved = now.position_m - before.position_m
    angle = np.arctan2(moved[:, 1], moved[:, 0])
    assert straight.mean() > 0.8
    assert np.allclose(np.cos(angle - now.heading_rad)[straight], 1.0)


def test_the_newest_leave_and_ids_never_come_back() -> None:
    mobility = SyntheticMobility(1)
    assert mobility.step(50).vehicle.tolist() == list(range(50))
    assert mobility.step(20).vehicle.tolist() == list(range(20))
    assert mobility.step(30).vehicle.tolist() == [*range(20), *range(50, 60)]
    assert len(mobility.step(0).vehicle) == 0


def test_the_seed_decides_everything() -> None:
    first, second, other = (SyntheticMobility(seed) for seed in (4, 4, 5))
    for _ in range(20):
        a, b, c = first.step(40), second.step(40), other.step(40)
    assert np.array_equal(a.position_m, b.position_m)
    assert not np.array_equal(a.position_m, c.position_m)
    assert first.digest == second.digest != other.digest


def test_kinds_have_the_shares_of_the_city() -> None:
    kinds = SyntheticMobility(0).step(2000).kind
    assert np.bincount(kinds) / 2000 == pytest.approx([0.85, 0.05, 0.10], abs=0.03)


def test_blocks_must_fit_the_side() -> None:
    with pytest.raises(ValueError, match="block_m=300"):
        SyntheticMobility(0, side_m=5000.0, block_m=300.0)
