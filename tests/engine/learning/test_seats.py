"""Seats: quotas level the load, nobody is sent where nobody works, and no fresh task is read."""

from __future__ import annotations

import dataclasses

import numpy as np

from engine.comparison import Comparison
from engine.learning.features import CONTEXT, STATE, view
from engine.learning.seats import take_seats
from engine.mobility.synthetic import SyntheticMobility
from engine.params import Params
from engine.types import Observation
from engine.world import World


def an_observation(**raw: object) -> Observation:
    params = Params.parse({"vehicles": 300, **raw})
    world, comparison = World(SyntheticMobility(1), params), Comparison(("tolled",), params, 0)
    for _ in range(4):
        step = comparison.step(world.step(params), params)["tolled"]
    return step.observation


def spread(planned, observation) -> float:
    return float((planned / observation.rsus.cpu_hz * 1e9).std())


def test_sharing_levels_the_load_and_loses_nobody() -> None:
    seen = an_observation()
    shared, alone = take_seats(seen), take_seats(seen, shared=False)
    assert spread(shared.planned, seen) < 0.6 * spread(alone.planned, seen)
    assert np.isclose(shared.planned.sum(), alone.planned.sum())
    assert (alone.target == seen.serving).all()
    assert ((shared.target >= 0) == (seen.serving >= 0)).all()


def test_a_seat_is_at_the_serving_rsu_or_beside_it() -> None:
    seen = an_observation()
    seats = take_seats(seen)
    moved = np.flatnonzero(seats.target != seen.serving)
    assert len(moved)
    assert all(seats.target[i] in seen.neighbours[seen.serving[i]] for i in moved)


def test_nobody_is_sent_where_nobody_works_or_across_a_mesh_that_is_off() -> None:
    seen = an_observation()
    up = seen.rsus.up.copy()
    up[[3, 7]] = False
    broken = dataclasses.replace(seen, rsus=dataclasses.replace(seen.rsus, up=up))
    for shared in (True, False):
        assert not np.isin(take_seats(broken, shared=shared).target, [3, 7]).any()
    off = an_observation(mesh="off")
    assert (take_seats(off).target == off.serving).all()


def test_no_other_vehicles_fresh_task_is_read() -> None:
    seen = an_observation()
    blind = dataclasses.replace(
        seen,
        has_task=~seen.has_task,
        cycles=2 * seen.cycles,
        data_bits=2 * seen.data_bits,
        deadline_s=0.5 * seen.deadline_s,
    )
    assert take_seats(seen).target.tolist() == take_seats(blind).target.tolist()
    assert take_seats(seen).planned.tolist() == take_seats(blind).planned.tolist()


def test_the_state_is_finite_and_of_the_width_it_says() -> None:
    for raw in ({}, {"vehicles": 900, "rsu_cores": "4"}, {"sync_interval": "5"}):
        seen = an_observation(**raw)
        found = view(seen, take_seats(seen), np.zeros((len(seen.vehicle), CONTEXT)))
        assert found.state.shape == (len(found.row), STATE + CONTEXT)
        assert np.isfinite(found.state).all()
        assert np.isfinite(found.deal).all()
        assert np.abs(found.state).max() < 30.0
        assert seen.has_task[found.row].all()
