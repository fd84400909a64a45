"""What the twins know and how late, MODEL A3.6."""

import dataclasses
import itertools

import numpy as np
import pytest

from engine.mobility.synthetic import SyntheticMobility
from engine.params import Params
from engine.twins import HISTORY_COLUMNS, History, RsuState, RsuTwinLog, Sight, VehicleTwins
from engine.types import RsuTwins, Scene
from engine.world import World


def drive(interval_s: float, count: int, **params: object) -> list[tuple[Scene, Sight]]:
    chosen = Params.parse({"vehicles": 30, **params})
    world, twins = World(SyntheticMobility(1), chosen), VehicleTwins()
    scenes = [world.step(chosen) for _ in range(count)]
    return [(scene, twins.step(scene, interval_s)) for scene in scenes]


def test_a_twin_starts_where_its_vehicle_is() -> None:
    scene, sight = drive(1.0, 1)[0]
    assert sight.position_m.tolist() == scene.position_m.tolist()
    assert (sight.age_s == 0.0).all()


def test_at_one_second_the_twin_is_a_second_behind() -> None:
    steps = drive(1.0, 4)
    for (before, _), (_, sight) in itertools.pairwise(steps):
        assert sight.position_m.tolist() == before.position_m.tolist()
        assert sight.velocity_mps.tolist() == before.velocity_mps.tolist()
        assert (sight.age_s == 1.0).all()


def test_at_five_seconds_twins_age_until_the_next_synchronisation() -> None:
    steps = drive(5.0, 13)
    ages = [sight.age_s[0] for _, sight in steps]
    assert ages == [0, 1, 2, 3, 4, 1, 2, 3, 4, 5, 1, 2, 3]
    for t, (_, sight) in enumerate(steps):
        told = steps[t - int(sight.age_s[0])][0]
        assert sight.position_m.tolist() == told.position_m.tolist()


def test_at_a_tenth_of_a_second_twins_are_nearly_up_to_date() -> None:
    steps = drive(0.1, 3)
    now, before = steps[2][0].position_m, steps[1][0].position_m
    assert np.allclose(steps[2][1].position_m, 0.9 * now + 0.1 * before)
    assert (steps[2][1].age_s == 0.1).all()


def test_the_estimate_has_no_fading_and_a_stale_distance() -> None:
    (before, _), (_, sight) = drive(1.0, 2)
    linked = before.distance_m <= 1000.0
    assert ((sight.rate_bps > 0.0) == linked).all()
    assert (sight.rate_bps[before.distance_m < 450.0] == 50e6).all()
    nearest = np.where(linked.any(axis=1), before.distance_m.argmin(axis=1), -1)
    assert sight.serving.tolist() == nearest.tolist()


def state(backlog_s: float, up: bool = True) -> RsuState:
    two = np.ones(2)
    return RsuState(
        3e9 * two, 0.4 * two, 4e6 * two, 1e8 * two, np.array([up, True]), backlog_s * two, 7 * two
    )


def rsu_steps(interval_s: float, count: int) -> list[RsuTwins]:
    """Step t starts with backlog t; it sees t requests that wait 0.1 t and bring t Gcycles."""
    log, seen = RsuTwinLog(2), []
    for t in range(count):
        seen.append(log.observe(t, interval_s, state(float(t))))
        log.record(t, np.full(2, float(t)), np.full(2, 0.1 * t), np.full(2, 1e9 * t))
    return seen


def test_the_first_rsu_twin_has_hardware_and_no_load() -> None:
    first = rsu_steps(1.0, 1)[0]
    assert first.cpu_hz.tolist() == [3e9, 3e9]
    assert first.requests.tolist() == first.mean_wait_s.tolist() == [0.0, 0.0]
    assert first.attached.tolist() == [7.0, 7.0]


def test_rsu_twins_at_one_second() -> None:
    seen = rsu_steps(1.0, 15)[14]
    assert seen.age_s == 1.0
    assert seen.backlog_s[0] == seen.requests[0] == 13.0
    assert seen.last_wait_s[0] == pytest.approx(1.3)
    # Ten terms, k = 4..13: mean 8.5 (eq. (37) as printed has eleven).
    assert seen.mean_wait_s[0] == pytest.approx(0.85)
    assert seen.mean_work_cycles[0] == pytest.approx(8.5e9)


def test_rsu_twins_between_two_rows() -> None:
    seen = rsu_steps(0.5, 15)[14]
    assert seen.age_s == 0.5
    assert seen.backlog_s[0] == pytest.approx(13.5)
    assert seen.requests[0] == 13.0  # what the last complete step saw


def test_rsu_twins_at_five_seconds() -> None:
    assert [seen.requests[0] for seen in rsu_steps(5.0, 12)] == [0] * 5 + [4] * 5 + [9] * 2
    assert [seen.age_s for seen in rsu_steps(5.0, 12)][5:] == [1, 2, 3, 4, 5, 1, 2]


def test_a_failure_is_known_a_synchronisation_later() -> None:
    log = RsuTwinLog(2)
    none = np.zeros(2)
    up = []
    for t in range(4):
        up.append(bool(log.observe(t, 1.0, state(0.0, up=t < 2)).up[0]))
        log.record(t, none, none, none)
    assert up == [True, True, True, False]


def test_history_holds_the_last_ten_rows_of_each_vehicle() -> None:
    history, slots = History(), np.array([4, 9])
    for t in range(30):
        if t == 25:
            history.begin(t, np.array([9]))
        rows = np.full((2, len(HISTORY_COLUMNS)), float(t))
        history.record(t, slots, lambda rows=rows: rows)
    window = history.window(28, slots)
    assert window.shape == (2, 10, 13)
    assert window[0, :, 0].tolist() == list(range(19, 29))
    assert window[1, :, 0].tolist() == [0] * 6 + [25, 26, 27, 28]


def test_history_before_the_first_step_is_empty() -> None:
    history = History()
    history.begin(0, np.array([0]))
    history.record(0, np.array([0]), lambda: np.ones((1, 13)))
    assert history.window(0, np.array([0]))[0, :, 0].tolist() == [0.0] * 9 + [1.0]
    assert not history.window(-1, np.array([0])).any()


def test_a_dark_radio_is_out_of_the_twins_reach() -> None:
    params = Params(vehicles=20)
    world = World(SyntheticMobility(0), params)
    scene = world.step(params, radio_down={0, 5})
    sight = VehicleTwins().step(scene, 1.0)
    assert (sight.rate_bps[:, [0, 5]] == 0.0).all()
    assert not np.isin(sight.serving, [0, 5]).any()
    empty = dataclasses.replace(
        scene, **{f.name: getattr(scene, f.name)[:0] for f in dataclasses.fields(scene)
                  if isinstance(getattr(scene, f.name), np.ndarray)}
    )  # fmt: skip
    assert VehicleTwins().step(empty, 1.0).rate_bps.shape == (0, 20)
