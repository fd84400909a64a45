"""The planner `best`: no scheme does better over a run, and a run repeats bit for bit."""

import dataclasses

import numpy as np
import pytest

from engine.comparison import Comparison
from engine.metrics import task_means
from engine.mobility.synthetic import SyntheticMobility
from engine.params import Params
from engine.schemes.best import REPLIES, ROUNDS, Best, affordable, build
from engine.types import BY_RULE
from engine.world import World

OTHERS = ("local", "offload", "random", "constant", "myopic", "tolled", "non-drl")


def run(stage, steps, seed=0, down=(), **about):
    """Metrics rows of every scheme, (steps, metrics), and the comparison."""
    params = Params.parse({"seed": seed, **about})
    world, rows = World(SyntheticMobility(seed), params), {name: [] for name in stage}
    comparison = Comparison(stage, params, seed)
    for _ in range(steps):
        for name, step in comparison.step(world.step(params, frozenset(down)), params).items():
            rows[name].append(step.row)
    return {name: np.array(kept) for name, kept in rows.items()}, comparison


@pytest.mark.parametrize(
    "about",
    [
        {},
        {"mesh": "live"},
        {"mesh": "off"},
        {"v2v": True},
        {"admission": True},
        {"rsu_cores": "4"},
        {"vehicles": 500, "rsu_cores": "2"},
        {"vehicles": 500},
        {"deadline": "0.1"},
        {"sync_interval": "5"},
        {"mandate": True, "battery": "0.1:0.6"},
        {"download_share": "share"},
        {"equations": "paper-literal", "deadline_rule": "uniform", "task_rate": 1.0},
        {"down": (0, 6, 7, 12, 18)},
    ],
    ids=str,
)
def test_bound_is_at_most_best_and_best_is_at_most_every_other(about):
    rows, _ = run((*OTHERS, "best", "bound"), 12, best_budget=0.03, **about)
    cost = {name: task_means(kept[2:])["cost"] for name, kept in rows.items()}
    assert cost["bound"] <= cost["best"] + 1e-9
    for name in OTHERS:
        assert cost["best"] <= 1.005 * cost[name], name


def test_it_leaves_the_best_heuristic_well_behind_by_default():
    rows, _ = run(("tolled", "best"), 20)
    cost = {name: task_means(kept[5:])["cost"] for name, kept in rows.items()}
    success = {name: task_means(kept[5:])["success_rate"] for name, kept in rows.items()}
    assert cost["best"] < 0.95 * cost["tolled"]
    assert success["best"] > 0.98 > success["tolled"]


def test_the_same_seed_gives_the_same_bits_and_another_does_not():
    one, _ = run(("best",), 6, best_budget=0.03)
    other, _ = run(("best", "random"), 6, best_budget=0.03)
    np.testing.assert_array_equal(one["best"], other["best"])
    elsewhere, _ = run(("best",), 6, seed=1, best_budget=0.03)
    assert (one["best"] != elsewhere["best"]).any()


def test_more_budget_is_no_worse_and_a_cut_is_told():
    costs = {}
    for budget in (0.01, 0.05, 1.0):
        rows, comparison = run(("best",), 8, best_budget=budget)
        costs[budget] = task_means(rows["best"])["cost"]
        assert comparison.arms["best"].scheme.cut_short == (budget < 1.0)
    assert costs[1.0] <= 1.002 * costs[0.05] <= 1.004 * costs[0.01]


def test_the_budget_is_counted_in_rounds_not_by_the_clock():
    assert affordable(1e-6, 100) == 1
    assert affordable(10.0, 100) == ROUNDS + REPLIES
    assert affordable(0.05, 1500) < affordable(0.05, 100) < ROUNDS + REPLIES
    assert affordable(0.2, 100) == ROUNDS + REPLIES  # the default, at 200 vehicles


def observation(**about):
    params = Params.parse({"vehicles": 80, "best_budget": 0.03, **about})
    world, comparison = World(SyntheticMobility(3), params), Comparison(("best",), params, 0)
    for _ in range(3):
        step = comparison.step(world.step(params), params)["best"]
    return step.observation


def test_without_truth_it_refuses():
    blind = dataclasses.replace(observation(), truth=None)
    with pytest.raises(ValueError, match="truth"):
        build(Params(), np.random.default_rng(0)).act(blind)


def test_a_step_without_tasks_is_nothing_to_plan():
    seen = observation()
    idle = dataclasses.replace(seen, has_task=np.zeros(80, bool))
    decision = Best(np.random.default_rng(0)).act(idle)
    assert (decision.rho == 0.0).all()


def test_seats_are_the_serving_rsu_or_a_mesh_neighbour():
    seen = observation()
    scene = seen.truth.scene
    decision = Best(np.random.default_rng(0)).act(seen)
    rows = np.flatnonzero(decision.target != BY_RULE)
    assert len(rows) > 10
    for row in rows:
        home = scene.serving[row]
        assert decision.target[row] in (home, *scene.rsus.neighbours[home])


def test_with_the_mesh_off_everybody_stays_at_its_own_rsu():
    seen = observation(mesh="off")
    decision = Best(np.random.default_rng(0)).act(seen)
    used = (decision.rho > 0.0) & (decision.target != BY_RULE)
    assert (decision.target == seen.truth.scene.serving)[used].all()


def test_nothing_is_sent_to_an_rsu_that_is_down():
    _, comparison = run(("best",), 5, down=(1, 2, 3), best_budget=0.03)
    target = comparison.latest["best"].decision.target
    assert not np.isin(target, (1, 2, 3)).any()
    assert not comparison.latest["best"].outcome.forwarded.any()


def test_an_empty_battery_sends_the_whole_task_away():
    rows, comparison = run(("best",), 6, best_budget=0.03, battery="0.1")
    step = comparison.latest["best"]
    empty = step.observation.has_task & (
        step.observation.battery_j < 1e-6 * step.observation.cycles
    )
    assert empty.any()
    assert (step.outcome.rho[empty] == 1.0).all()
    assert np.isfinite(rows["best"][:, 0]).all()
