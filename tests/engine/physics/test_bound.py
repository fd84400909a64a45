"""The bound: below every scheme, task by task, and reached by a task that is really alone."""

import numpy as np
import pytest

from engine.comparison import Comparison
from engine.mobility.synthetic import SyntheticMobility
from engine.params import Params
from engine.physics import bound, neighbours
from engine.world import World

SCHEMES = ("local", "offload", "random", "constant", "myopic", "tolled", "non-drl", "best")
CASES = {
    "default": {},
    "live mesh": {"mesh": "live"},
    "mesh off": {"mesh": "off"},
    "neighbours help": {"v2v": True, "vehicles": 400},
    "four cores": {"rsu_cores": "4"},
    "as printed": {"equations": "paper-literal", "deadline_rule": "uniform"},
    "share of the result": {"download_share": "share"},
    "forced shares": {"mandate": True, "battery": (0.1, 1.0)},
    "admission": {"admission": True},
}


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("down", [(), (3, 4, 7, 8, 12)], ids=["up", "five down"])
def test_no_scheme_costs_any_task_less(case, down):
    params = Params.parse({"best_budget": 0.01, **CASES[case]})
    world = World(SyntheticMobility(1), params)
    comparison = Comparison((*SCHEMES, "bound"), params, 0)
    for _ in range(6):
        scene = world.step(params, frozenset(down))
        steps = comparison.step(scene, params)
        least = steps["bound"].outcome.cost
        for name in SCHEMES:
            assert (steps[name].outcome.cost >= least - 1e-9).all(), name


def scene_of(params, vehicles=60, steps=3, down=()):
    world = World(SyntheticMobility(2), params)
    for _ in range(steps):
        scene = world.step(params, frozenset(down))
    return scene


def test_the_outcome_is_the_cost_of_its_own_share():
    params = Params.parse({"vehicles": 60})
    scene = scene_of(params)
    got = bound.lone(scene, params, neighbours.nobody(60))
    on = scene.has_task
    np.testing.assert_allclose(
        got.cost[on],
        got.delay_s[on] / scene.deadline_s[on] + got.energy_j[on] / 1500 + got.price[on],
    )
    assert (got.cost[~on] == 0.0).all()
    assert (got.wait_s == 0.0).all()
    # With the queue out of the way both branches end together, unless price or time says no.
    split = on & (got.rho > 0) & (got.rho < 1)
    edge = got.t_up_s + got.t_hop_s + got.t_comp_s + got.t_down_s + got.t_twin_s
    np.testing.assert_allclose(got.t_local_s[split], edge[split])


def test_with_all_rsus_down_and_nobody_near_everything_stays_local():
    params = Params.parse({"vehicles": 60})
    scene = scene_of(params, down=range(20))
    got = bound.lone(scene, params, neighbours.nobody(60))
    on = scene.has_task
    assert (got.rho == 0.0).all()
    np.testing.assert_allclose(got.delay_s[on], scene.cycles[on] / scene.cpu_hz[on])


def test_a_vehicle_alone_in_the_city_reaches_it():
    """One vehicle, its own RSU the cheapest and fastest: best and bound agree."""
    params = Params.parse(
        {
            "vehicles": 1,
            "task_rate": 1.0,
            "rsu_capacity": "3",
            "rsu_price": "0.3",
            "mesh_rate": "100",
        }
    )
    world = World(SyntheticMobility(5), params)
    comparison = Comparison(("best", "bound"), params, 0)
    costs = np.array([
        [step.outcome.cost[0] for step in comparison.step(world.step(params), params).values()]
        for _ in range(20)
    ])  # fmt: skip
    assert costs[:, 1].all()
    same = np.isclose(costs[:, 0], costs[:, 1], rtol=1e-9)
    assert same.mean() >= 0.8  # not where work is left over for the next step


def test_as_printed_keeping_all_local_is_least():
    params = Params.parse({"equations": "paper-literal", "deadline_rule": "uniform"})
    scene = scene_of(params)
    got = bound.lone(scene, params, neighbours.nobody(len(scene.vehicle)))
    on = scene.has_task
    expected = scene.cycles[on] / scene.cpu_hz[on] / scene.deadline_s[on] + 20.0 / 1500.0
    np.testing.assert_allclose(got.cost[on], expected)
