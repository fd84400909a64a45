"""The inspector: curves as the equations give them, parts that add up, hindsight never worse."""

import json
from functools import cache

import numpy as np
import pytest

from engine import explain
from engine.comparison import Comparison
from engine.mobility.synthetic import SyntheticMobility
from engine.params import Params
from engine.physics.hindsight import Trials, replayed
from engine.situation import Situation
from engine.world import World

STAGE = ("non-drl", "myopic", "tolled", "random", "best", "bound")
CASES = {
    "default": {},
    "live mesh": {"mesh": "live"},
    "mesh off, two cores": {"mesh": "off", "rsu_cores": "2", "vehicles": 400},
    "neighbours help": {"v2v": True},
    "admission": {"admission": True},
    "forced shares": {"mandate": True, "battery": (0.1, 0.6)},
    "share of the result": {"download_share": "share"},
    "as printed": {"equations": "paper-literal", "deadline_rule": "uniform"},
}


@cache
def stepped(case, down=()):
    """A comparison after eight steps, with the last scene."""
    params = Params.parse(CASES[case] | {"best_budget": 0.02})
    world = World(SyntheticMobility(0), params)
    comparison = Comparison(STAGE, params, 0)
    for _ in range(8):
        scene = world.step(params, frozenset(down))
        comparison.step(scene, params)
    return comparison, scene


def explained(case, down=(), most=12):
    """(vehicle's row, arm name, arm) of some vehicles with a task."""
    comparison, scene = stepped(case, down)
    for row in np.flatnonzero(scene.has_task)[:most]:
        told = explain.vehicle(comparison, scene, int(scene.vehicle[row]))
        for name, arm in told["arms"].items():
            yield int(row), name, arm


@pytest.mark.parametrize("case", CASES)
def test_the_choice_is_the_engines_outcome_and_its_parts_add_up_exactly(case):
    comparison, scene = stepped(case)
    for row, name, arm in explained(case):
        choice, outcome = arm["choice"], comparison.latest[name].outcome
        for field in ("rho", "delay_s", "energy_j", "price", "cost", "success", "toll"):
            assert choice[field] == getattr(outcome, field)[row]
        if case == "as printed":
            continue  # (14) and (17) are no sums of their parts
        energy = choice["e_local_j"] + choice["e_radio_j"] + choice["e_comp_j"]
        assert energy + choice["e_twin_j"] == choice["energy_j"]
        before = choice["t_up_s"] + choice["t_hop_s"] + choice["t_twin_s"]
        edge = before + choice["wait_s"] + choice["t_comp_s"] + choice["t_down_s"]
        if choice["rejected"]:
            late = max(choice["t_local_s"], before) + choice["t_comp_s"]
            assert late == choice["delay_s"]
        else:
            assert max(choice["t_local_s"], edge) == choice["delay_s"]
        assert choice["cost"] == (
            choice["delay_s"] / scene.deadline_s[row]
            + choice["energy_j"] / 1500.0
            + choice["price"] / 1.0
        )


@pytest.mark.parametrize("case", CASES)
def test_hindsight_is_never_worse_than_what_was_done(case):
    for _, name, arm in explained(case):
        if name == "bound":
            assert arm["regret"] is None
            continue
        assert arm["regret"] >= 0.0
        assert arm["hindsight"]["cost"] <= arm["choice"]["cost"] + 1e-9
        assert arm["hindsight"]["option"] in [option["name"] for option in arm["options"]]


def test_a_regret_is_found_where_somebody_chose_badly():
    assert max(arm["regret"] for _, name, arm in explained("default") if name == "non-drl") > 0.5


@pytest.mark.parametrize("case", ["default", "live mesh", "mesh off, two cores", "admission"])
def test_replaying_what_was_done_gives_what_it_cost(case):
    comparison, scene = stepped(case)
    for name, step in comparison.latest.items():
        if name == "bound":
            continue
        for row in np.flatnonzero(scene.has_task)[:12]:
            seen = Situation(scene, step, int(row))
            task, plan = seen.task, seen.plan
            done = Trials(plan.rho[[task]], plan.target[[task]], plan.guest[[task]])
            cost = replayed(seen.stage, plan, task, done)
            np.testing.assert_allclose(cost, step.outcome.cost[row], rtol=1e-12)


@pytest.mark.parametrize("case", ["default", "share of the result", "as printed"])
def test_the_curve_at_the_chosen_share_is_the_analytic_expectation(case):
    """By hand from the twins: Omega of eq. (22) with the ten-second mean wait."""
    comparison, _ = stepped(case)
    for row, name, arm in explained(case):
        if name == "bound":
            continue
        seen, choice = comparison.latest[name].observation, arm["choice"]
        option = next(o for o in arm["options"] if o["name"] == choice["option"])
        rho, m, home = choice["rho"], option["target"], seen.serving[row]
        bits, cycles, deadline = seen.data_bits[row], seen.cycles[row], seen.deadline_s[row]
        rate, a = seen.rate_bps[row, home], cycles / seen.cpu_hz[row]
        result = 0.1 * bits * (rho if case == "share of the result" else 1.0) / rate
        up, twins = rho * bits / rate, seen.rsus
        if case == "as printed":
            edge = up + rho * cycles / twins.cpu_hz[m] + 0.015 + (result if rho > 0 else 0.0)
            radio = 0.1 * (up + (result if rho > 0 else 0.0))
            energy = min(1e-6 * cycles, radio + 0.3e-6 * rho * cycles + 20.0)
            delay = max(a, edge)
        elif rho > 0:
            hop = 0.005 + rho * bits / twins.mesh_rate_bps[home] if m != home else 0.0
            comp = rho * cycles / twins.cpu_hz[m]
            delay = max((1 - rho) * a, up + hop + twins.mean_wait_s[m] + comp + result + 0.015)
            energy = (1e-6 * (1 - rho) + 0.3e-6 * rho) * cycles + 0.1 * (up + result) + 10.0
        else:
            delay, energy = a, 1e-6 * cycles + 10.0
        price = rho * twins.unit_price[m] if rho > 0 else 0.0
        omega = delay / deadline + energy / 1500.0 + price
        assert choice["expected_cost"] == pytest.approx(omega, rel=1e-12)
        if rho in (0.0, 1.0):
            assert option["cost"][-1 if rho else 0] == pytest.approx(omega, rel=1e-12)
        else:
            below = int(rho * 40)
            low, high = option["cost"][below], option["cost"][below + 1]
            assert omega <= max(low, high) + 1e-9  # convex beyond 0


def test_curves_have_41_points_and_offer_every_way_out():
    for _, name, arm in explained("neighbours help"):
        if name == "bound":
            continue
        names = [option["name"] for option in arm["options"]]
        assert names[0] == "local"
        assert len(names) == len(set(names)) >= 3
        for option in arm["options"]:
            assert len(option["rho"]) == len(option["cost"]) == 41
    comparison, scene = stepped("neighbours help")
    told = [
        explain.vehicle(comparison, scene, int(v))["arms"]["tolled"]["options"][-1]["name"]
        for v in scene.vehicle[scene.has_task]
    ]
    assert any(name.startswith("vehicle ") for name in told)


def test_the_equation_has_the_numbers_put_in():
    _, _, arm = next(explained("default"))
    choice = arm["choice"]
    assert arm["equation"].startswith("Ω = t/T + E/E_max + price/P_max = ")
    assert f"{choice['delay_s']:.2f}/" in arm["equation"]
    assert f"{choice['energy_j']:.0f}/1500" in arm["equation"]
    assert arm["equation"].endswith(f"= {choice['cost']:.2f}")


@pytest.mark.parametrize("case", CASES)
def test_everything_is_strict_json(case):
    comparison, scene = stepped(case)
    for vehicle in scene.vehicle[:15]:
        told = explain.vehicle(comparison, scene, int(vehicle))
        assert json.loads(json.dumps(told, allow_nan=False)) == told
    for index in range(20):
        told = explain.rsu(comparison, scene, index)
        assert json.loads(json.dumps(told, allow_nan=False)) == told


def test_failed_rsus_are_explained_too():
    down = tuple(range(0, 20, 2))
    comparison, scene = stepped("default", down)
    for _, name, arm in explained("default", down):
        assert name == "bound" or arm["regret"] >= 0.0
    assert not explain.rsu(comparison, scene, 2)["up"]


def test_an_idle_vehicle_has_no_task_and_no_choice():
    comparison, scene = stepped("default")
    idle = int(scene.vehicle[~scene.has_task][0])
    told = explain.vehicle(comparison, scene, idle)
    assert told["task"] is None
    assert told["arms"]["tolled"]["choice"] is None
    assert len(told["history"]) == 10


def test_the_twin_is_told_as_the_scheme_saw_it():
    comparison, scene = stepped("default")
    row = int(np.flatnonzero(scene.has_task)[0])
    told = explain.vehicle(comparison, scene, int(scene.vehicle[row]))
    seen = comparison.latest["non-drl"].observation
    assert told["twin"]["x"] == seen.position_m[row, 0]
    assert told["twin"]["age_s"] == seen.age_s[row]
    assert told["actual"]["x"] == scene.position_m[row, 0]
    assert told["history"][0]["task"] == bool(seen.history[row, -1, -1])


def test_what_is_not_there_is_said_to_be_absent():
    comparison, scene = stepped("default")
    assert explain.vehicle(comparison, scene, 10**9)["present"] is False
    assert explain.vehicle(comparison, scene, -5)["present"] is False
    assert explain.rsu(comparison, scene, 20)["present"] is False
    assert explain.rsu(comparison, scene, -1)["present"] is False


def test_an_rsu_tells_its_twin_and_its_load_in_every_arm():
    comparison, scene = stepped("default")
    told = explain.rsu(comparison, scene, 7)
    assert set(told["arms"]) == set(STAGE) - {"bound"}
    arm, step = told["arms"]["tolled"], comparison.latest["tolled"]
    assert arm["backlog_s"] == step.backlog_s[7]
    assert arm["twin"]["backlog_s"] == step.observation.rsus.backlog_s[7]
    assert arm["utilisation"] >= 0.0
    assert arm["served"] == scene.vehicle[step.outcome.target == 7].tolist()


def test_a_learned_scheme_tells_what_it_believed():
    params = Params(vehicles=60)
    world, comparison = World(SyntheticMobility(0), params), Comparison(("af-marl",), params, 0)
    for _ in range(3):
        scene = world.step(params)
        step = comparison.step(scene, params)["af-marl"]
    told = {
        bool(scene.has_task[row]): explain.vehicle(comparison, scene, int(vehicle))
        for row, vehicle in enumerate(scene.vehicle)
        if not scene.has_task[row] or step.outcome.rho[row] > 0.0
    }
    belief = told[True]["arms"]["af-marl"]["belief"]
    assert {"idle", "mean_wait_s", "crowd", "toll", "context", "seat", "learner"} == set(belief)
    assert belief["learner"] == told[True]["vehicle"] % 20
    assert belief["seat"] == told[True]["arms"]["af-marl"]["choice"]["target"]
    assert told[False]["arms"]["af-marl"]["belief"] is None
    json.dumps(told[True], allow_nan=False)
