"""What agents see and choose, hand-worked; who is who where SUMO loses vehicles."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest

from engine.envs.actions import ACTIONS
from engine.envs.episode import Episode
from engine.envs.observations import COLUMNS, NEIGHBOUR_COLUMNS, observed
from engine.envs.roster import Roster, entries
from engine.learning.features import CONTEXT, OWN, RSU, view
from engine.learning.seats import take_seats
from engine.mobility.synthetic import SyntheticMobility
from engine.params import Params
from engine.types import BY_RULE, Decision

TRACE = str(Path(__file__).parents[2] / "data" / "sumo_200.npz")


@pytest.fixture
def episode() -> Episode:
    """Ten seconds into a busy city whose task is always the same."""
    params = Params.parse(
        {"vehicles": 120, "task_size": 1.25, "task_cycles": 1, "vehicle_cpu": 2.3}
    )
    episode = Episode(params, SyntheticMobility(3))
    for _ in range(10):
        n = len(episode.observation.vehicle)
        episode.step(Decision(np.full(n, 0.4), np.full(n, BY_RULE)))
    return episode


def test_the_columns_are_the_models(episode: Episode) -> None:
    o = episode.observation
    rows = dict(zip(COLUMNS, observed(o, neighbours=False).T.astype(np.float64), strict=True))
    on, twins, m = o.has_task, o.rsus, o.serving
    assert on.any()
    assert (~on).any()
    np.testing.assert_array_equal(rows["has_task"], on)
    np.testing.assert_allclose(rows["cpu"], 1.0, rtol=1e-6)
    np.testing.assert_allclose(rows["data"], 0.0, atol=1e-6)
    np.testing.assert_allclose(rows["cycles"], 0.0, atol=1e-6)
    np.testing.assert_allclose(
        rows["deadline"], np.where(on, (o.deadline_s - 0.6) / 0.25, 0.0), rtol=1e-5
    )
    rate = o.rate_bps[np.arange(len(m)), m]
    np.testing.assert_allclose(rows["rate"], (rate / 1e6 - 40.0) / 10.0, rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(rows["battery"], o.battery_j / o.battery_capacity_j - 0.5, rtol=1e-5)
    np.testing.assert_allclose(rows["rsu_cpu"], (twins.cpu_hz[m] / 1e9 - 3) / 0.29, rtol=1e-4)
    np.testing.assert_allclose(rows["rsu_backlog"], 4 * twins.backlog_s[m] - 0.5, rtol=1e-5)
    np.testing.assert_allclose(rows["rsu_mean_wait"], 6 * twins.mean_wait_s[m] - 0.5, rtol=1e-5)
    assert twins.mean_wait_s.max() > 0


def test_it_is_what_af_marl_sees_of_vehicle_and_rsu(episode: Episode) -> None:
    o = episode.observation
    seen = view(o, take_seats(o, shared=False), np.zeros((len(o.vehicle), CONTEXT)))
    np.testing.assert_array_equal(
        observed(o, neighbours=False)[seen.row, : OWN + RSU], seen.state[:, : OWN + RSU]
    )


def test_out_of_reach_there_is_no_rate_and_no_rsu(episode: Episode) -> None:
    o = dataclasses.replace(episode.observation, serving=np.full(120, -1))
    rows = observed(o, neighbours=True)
    np.testing.assert_allclose(rows[:, COLUMNS.index("rate")], -4.0)
    assert not rows[:, len(COLUMNS) :].any()
    assert not rows[:, OWN : OWN + RSU].any()


def test_neighbours_twins_stand_where_their_way_says(episode: Episode) -> None:
    """RSUs are numbered row by row from the south-west, five in a row, four rows."""
    o = episode.observation
    rows = observed(o, neighbours=True)
    assert rows.shape == (120, len(COLUMNS) + len(NEIGHBOUR_COLUMNS))
    twin = {int(m): row[OWN : OWN + RSU] for m, row in zip(o.serving, rows, strict=True)}
    beside = {"east": (1, lambda m: m % 5 < 4), "north": (5, lambda m: m < 15),
              "west": (-1, lambda m: m % 5 > 0), "south": (-5, lambda m: m > 4)}  # fmt: skip
    checked = 0
    for at, (shift, has) in enumerate(beside.values()):
        block = rows[:, len(COLUMNS) + at * RSU : len(COLUMNS) + (at + 1) * RSU]
        for m, row in zip(o.serving.tolist(), block, strict=True):
            if not has(m):
                assert not row.any()
            elif m + shift in twin:
                np.testing.assert_array_equal(row, twin[m + shift])
                checked += 1
    assert checked > 200


@pytest.mark.parametrize(
    ("target", "serving", "chosen"),
    [
        (0, 7, BY_RULE), (1, 7, 7), (2, 7, 8), (3, 7, 12), (4, 7, 6), (5, 7, 2),
        (2, 4, 4), (3, 19, 19), (4, 0, 0), (5, 0, 0), (1, -1, BY_RULE), (5, -1, BY_RULE),
    ],
)  # fmt: skip
def test_a_target_is_an_rsu_on_the_mesh(
    episode: Episode, target: int, serving: int, chosen: int
) -> None:
    seen = dataclasses.replace(episode.observation, serving=np.full(120, serving))
    given = [{"rho": np.array([0.6], np.float32), "target": target}] * 120
    decision = ACTIONS["rho+target"].decision(given, seen)
    assert set(decision.target.tolist()) == {chosen}
    np.testing.assert_allclose(decision.rho, 0.6, rtol=1e-6)
    episode.step(decision)


@pytest.mark.parametrize("name", ACTIONS)
def test_every_action_of_the_space_is_a_decision(episode: Episode, name: str) -> None:
    space = ACTIONS[name].space()
    space.seed(1)
    decision = ACTIONS[name].decision([space.sample() for _ in range(120)], episode.observation)
    assert len(np.unique(decision.rho)) > 5
    assert 0.0 <= decision.rho.min() <= decision.rho.max() <= 1.0
    episode.step(decision)


def test_a_stay_keeps_its_number_and_none_is_given_twice() -> None:
    roster = Roster()
    first = roster.enter(np.array([0, 1, 2]), np.ones(3, bool))
    assert first.tolist() == [0, 1, 2]
    assert roster.enter(np.array([0, 2]), np.zeros(2, bool)).tolist() == [0, 2]
    again = roster.enter(np.array([0, 1, 2]), np.array([False, True, False]))
    assert again.tolist() == [0, 3, 2]
    assert roster.count == 4


@pytest.mark.parametrize(
    ("mobility", "raw", "steps", "count"),
    [
        ("synthetic", {"vehicles": 30}, 500, 30),
        ("synthetic", {"density": (0.4, 1.0)}, 600, 25),
        ("synthetic", {"density": (0.4, 1.0)}, 900, 40),
        ("sumo", {"vehicles": 30}, 500, 60),
        (TRACE, {"vehicles": 30}, 299, 30),
        (TRACE, {"vehicles": 2000}, 299, 200),
    ],
)
def test_names_are_as_many_as_vehicles_may_come(mobility, raw, steps, count) -> None:
    assert entries(mobility, Params.parse(raw), steps) == count
