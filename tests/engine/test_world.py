"""Scenes: slots, reach, failures, and common random numbers."""

import dataclasses

import numpy as np
import pytest

from engine.mobility.synthetic import SyntheticMobility
from engine.params import MAX_VEHICLES, Params
from engine.types import Scene, Snapshot
from engine.world import Slots, World


class Parade:
    """A mobility whose vehicles are told; all stand in a row."""

    digest = "parade"

    def __init__(self, *present: list[int]) -> None:
        self._present = iter(present)
        self._t_s = 0.0

    def step(self, target_vehicles: int) -> Snapshot:
        ids = np.array(next(self._present), np.int64)
        self._t_s += 1.0
        n = len(ids)
        return Snapshot(
            t_s=self._t_s,
            vehicle=ids,
            position_m=np.column_stack([500.0 + 10.0 * ids, np.full(n, 625.0)]),
            speed_mps=np.full(n, 10.0),
            heading_rad=np.full(n, np.pi / 2),
            kind=np.zeros(n, np.int64),
        )

    def close(self) -> None:
        pass


def same(one: Scene, other: Scene, rows: slice = slice(None)) -> bool:
    names = [f.name for f in dataclasses.fields(one) if f.name not in ("step", "t_s", "rsus")]
    return all(
        np.array_equal(getattr(one, name)[rows], getattr(other, name)[rows]) for name in names
    )


def test_vehicles_keep_their_slots_and_newcomers_are_fresh() -> None:
    slots = Slots()
    slot, fresh = slots.assign(np.array([1, 2, 3]))
    assert (slot.tolist(), fresh.tolist()) == ([0, 1, 2], [True, True, True])
    slot, fresh = slots.assign(np.array([1, 3, 7, 9]))
    assert (slot.tolist(), fresh.tolist()) == ([0, 2, 1, 3], [False, False, True, True])
    slot, fresh = slots.assign(np.array([], np.int64))
    assert len(slot) == len(fresh) == 0


def test_a_scene_says_who_is_near_what() -> None:
    scene = World(Parade([0, 40]), Params()).step(Params())
    # (500, 625) is RSU 0 itself; (900, 625) is 400 m from RSU 0 and 600 m from RSU 1.
    assert scene.serving.tolist() == [0, 0]
    assert scene.distance_m[1, :2].tolist() == [400.0, 600.0]
    assert scene.velocity_mps == pytest.approx(np.array([[0.0, 10.0]] * 2))
    assert (scene.rate_bps[scene.distance_m > 1000.0] == 0.0).all()
    assert (scene.rate_bps[scene.distance_m <= 1000.0] >= 20e6).all()


def test_same_seed_same_scenes_and_another_differs() -> None:
    def scenes(seed: int) -> list[Scene]:
        params = Params(seed=seed, vehicles=50)
        world = World(SyntheticMobility(3), params)
        return [world.step(params) for _ in range(5)]

    for one, other in zip(scenes(1), scenes(1), strict=True):
        assert same(one, other)
    assert not same(scenes(1)[0], scenes(2)[0])


def test_more_vehicles_leave_the_others_alone() -> None:
    few = World(Parade([1, 2, 3], [1, 2, 3]), Params())
    many = World(Parade([1, 2, 3, 8, 9], [1, 2, 3, 8]), Params())
    for _ in range(2):
        assert same(few.step(Params()), many.step(Params()), slice(0, 3))


def test_sliders_act_at_once_on_the_same_draws() -> None:
    world, twin = (World(Parade([1, 2]), Params()) for _ in range(2))
    one = world.step(Params())
    other = twin.step(Params(vehicle_cpu=(3.0, 4.0), task_size=(4.0, 4.0)))
    assert np.allclose(other.cpu_hz - 3e9, one.cpu_hz - 1.5e9)
    assert (other.data_bits == 32e6).all()


def test_a_failed_radio_is_out_of_reach_and_a_failed_computer_is_not() -> None:
    world = World(Parade([0], [0], [0]), Params())
    scene = world.step(Params(), down={0})
    assert scene.serving.tolist() == [0]
    assert not scene.rsus.up[0]
    scene = world.step(Params(), radio_down={0})
    assert scene.serving.tolist() == [1]  # exactly 1000 m away, the end of its range
    assert scene.rate_bps[0, 0] == 0.0
    assert np.isinf(scene.distance_m[0, 0])
    assert world.step(Params()).serving.tolist() == [0]


def test_without_any_radio_in_reach_there_is_no_server() -> None:
    scene = World(Parade([0]), Params()).step(Params(), radio_down={0, 1})
    assert scene.serving.tolist() == [-1]


def test_an_empty_city_is_a_scene() -> None:
    scene = World(Parade([]), Params()).step(Params())
    assert scene.distance_m.shape == (0, 20)
    assert scene.has_task.shape == (0,)


def test_more_vehicles_than_slots_are_cut_off() -> None:
    scene = World(Parade(list(range(MAX_VEHICLES + 5))), Params()).step(Params())
    assert len(scene.vehicle) == MAX_VEHICLES
    assert scene.slot.max() == MAX_VEHICLES - 1


def test_paper_literal_rates_are_drawn() -> None:
    params = Params(vehicles=400, equations="paper-literal")
    scene = World(SyntheticMobility(0), params).step(params)
    linked = scene.rate_bps[scene.rate_bps > 0.0]
    assert linked.mean() == pytest.approx(35e6, rel=0.03)
    assert 20e6 <= linked.min() <= linked.max() <= 50e6
