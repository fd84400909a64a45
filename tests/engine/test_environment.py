"""One arm: what a scheme sees, what its decisions cost, and what the arm remembers."""

import dataclasses
import itertools
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.comparison import Comparison
from engine.environment import Arm, ArmStep
from engine.mobility.synthetic import SyntheticMobility
from engine.params import Params
from engine.physics import neighbours
from engine.schemes import load, names
from engine.twins import VehicleTwins
from engine.types import BY_RULE, Decision, Observation, Scene
from engine.world import World


class Scripted:
    """A scheme that does as told."""

    sees_truth = False

    def __init__(self, decide: Callable[[Observation], Decision]) -> None:
        self.act = decide


def always(rho: float, target: int = BY_RULE) -> Scripted:
    def decide(seen: Observation) -> Decision:
        n = len(seen.vehicle)
        return Decision(np.full(n, rho), np.full(n, target))

    return Scripted(decide)


def play(
    scheme: object, count: int, down: tuple[int, ...] = (), **raw: object
) -> list[tuple[Scene, ArmStep]]:
    """Steps of one arm over synthetic traffic."""
    params = Params.parse({"vehicles": 60, **raw})
    world, twins, arm, steps = World(SyntheticMobility(2), params), VehicleTwins(), None, []
    for _ in range(count):
        scene = world.step(params, down)
        arm = arm or Arm("scripted", scheme, scene.rsus)
        sight = twins.step(scene, float(params.sync_interval))
        helpers = neighbours.match(scene.position_m, scene.has_task, scene.fading_v2v)
        steps.append((scene, arm.step(scene, params, sight, helpers)))
    return steps


@given(
    seed=st.integers(0, 1000),
    vehicles=st.integers(1, 80),
    mesh=st.sampled_from(["off", "stale", "live"]),
    interval=st.sampled_from(["0.1", "0.5", "1", "2", "5"]),
    v2v=st.booleans(),
    mandate=st.booleans(),
    admission=st.booleans(),
    cores=st.sampled_from(["1", "4"]),
    battery=st.sampled_from([0.1, 0.5, 200.0]),
    equations=st.sampled_from(["calibrated", "calibrated", "paper-literal"]),
    share=st.sampled_from(["task", "share"]),
    deadline=st.sampled_from(["0.1", "0.1:1", "1"]),
)
@settings(max_examples=40)
def test_what_holds_for_any_decision_and_any_switch(
    seed: int, vehicles: int, mesh: str, interval: str, v2v: bool, mandate: bool, admission: bool,
    cores: str, battery: float, equations: str, share: str, deadline: str,
) -> None:  # fmt: skip
    rng = np.random.default_rng(seed)

    def decide(seen: Observation) -> Decision:
        n = len(seen.vehicle)
        rho = np.where(rng.random(n) < 0.3, rng.integers(0, 2, n), rng.random(n))
        return Decision(rho, np.where(rng.random(n) < 0.5, BY_RULE, rng.integers(0, 20, n)))

    raw = {
        "seed": seed, "vehicles": vehicles, "mesh": mesh, "sync_interval": interval, "v2v": v2v,
        "mandate": mandate, "admission": admission, "rsu_cores": cores, "battery": battery,
        "equations": equations, "download_share": share, "deadline": deadline,
    }  # fmt: skip
    down = tuple(np.flatnonzero(rng.random(20) < 0.1).tolist())
    for scene, step in play(Scripted(decide), 4, down, **raw):
        outcome, on = step.outcome, scene.has_task
        for field in dataclasses.fields(outcome):
            value = getattr(outcome, field.name)
            assert np.isfinite(value).all(), field.name
            if field.name not in ("target", "helper"):
                assert (value >= 0).all(), field.name
                assert not value[~on].any(), field.name
        assert (outcome.rho <= 1.0).all()
        assert (outcome.success == (on & (outcome.delay_s <= scene.deadline_s))).all()
        energy = outcome.e_local_j + outcome.e_radio_j + outcome.e_comp_j + outcome.e_twin_j
        assert outcome.energy_j == pytest.approx(energy, rel=1e-12)
        cost = outcome.delay_s / scene.deadline_s + outcome.energy_j / 1500.0 + outcome.price
        assert outcome.cost[on] == pytest.approx(cost[on], rel=1e-12)
        # Every task in exactly one place.
        away = (outcome.target >= 0).astype(int) + (outcome.helper >= 0) + outcome.rejected
        assert (away == (outcome.rho > 0)).all()
        assert len(set(outcome.helper[outcome.helper >= 0])) == (outcome.helper >= 0).sum()
        assert ((step.battery_fraction >= 0.0) & (step.battery_fraction <= 1.0)).all()
        assert (step.backlog_s >= 0.0).all()
        assert step.row[6] == on.sum()


def test_batteries_fall_by_what_was_spent() -> None:
    steps = play(always(0.4), 6, battery=200, vehicle_charge=0)
    for (scene, before), (_, after) in itertools.pairwise(steps):
        outcome = after.outcome
        own = outcome.e_local_j + outcome.e_radio_j + outcome.e_twin_j
        fell = (before.battery_fraction - after.battery_fraction) * scene.battery_j
        assert fell == pytest.approx(own, abs=1e-6)


def test_driving_recharges_up_to_the_capacity() -> None:
    steps = play(always(0.0), 40, battery=1, task_rate=0.05, vehicle_charge=5000)
    assert steps[-1][1].battery_fraction == pytest.approx(1.0)
    drained = play(always(0.0), 40, battery=1, task_rate=1.0, vehicle_charge=0)
    assert drained[-1][1].battery_fraction.max() < 0.2


def test_a_helper_pays_for_its_guest() -> None:
    for scene, step in play(
        always(1.0), 8, v2v=True, vehicles=400, rsu_capacity=1, vehicle_charge=0
    ):
        hosted = step.outcome.helper >= 0
        hosts = step.outcome.helper[hosted]
        assert not scene.has_task[hosts].any()
        served = np.zeros(len(scene.vehicle))
        served[hosts] = step.outcome.e_comp_j[hosted]
        seen = (step.observation.battery_j - step.battery_fraction * scene.battery_j)[hosts]
        assert seen == pytest.approx(served[hosts], abs=1e-6)
    assert hosted.any()


def test_an_empty_vehicle_must_offload_and_never_goes_below_zero() -> None:
    steps = play(always(0.0), 8, battery=0.3)  # 1080 J: one task
    assert any(step.outcome.mandated.any() for _, step in steps)
    for _, step in steps:
        forced = step.outcome.mandated
        assert (step.outcome.rho[forced] == 1.0).all()
        assert (step.battery_fraction >= 0.0).all()


def test_rsus_without_mains_run_dry_and_pass_their_work_on() -> None:
    fed = play(always(1.0), 12, vehicles=200)
    dry = play(always(1.0), 12, vehicles=200, rsu_mains=False, rsu_battery=1)  # 3600 J
    assert fed[-1][1].up.all()
    assert not dry[-1][1].up.all()
    _, step = dry[-1]
    busy = step.outcome.target[step.outcome.target >= 0]
    assert step.up[busy].all()
    assert (step.rsu_battery_j >= 0.0).all()
    assert dry[0][1].up.all()


def test_a_failed_rsu_computes_nothing() -> None:
    for _, step in play(always(0.5), 6, down=(7, 8), vehicles=200):
        assert not np.isin(step.outcome.target, [7, 8]).any()
        assert (step.served_cycles[[7, 8]] == 0.0).all()
    assert step.outcome.forwarded.any() or step.outcome.rejected.any()


def test_a_scheme_sees_its_own_task_fresh_and_all_else_as_the_twins_say() -> None:
    seen: list[Observation] = []

    def decide(observation: Observation) -> Decision:
        seen.append(observation)
        n = len(observation.vehicle)
        return Decision(np.full(n, 0.5), np.full(n, BY_RULE))

    steps = play(Scripted(decide), 5)
    scene, last = steps[-1][0], seen[-1]
    assert last.cycles is scene.cycles
    assert last.truth is None
    assert last.position_m.tolist() == steps[-2][0].position_m.tolist()
    asked = steps[-2][1]
    assert last.rsus.last_wait_s.tolist() == asked.wait_s.tolist()
    assert last.rsus.backlog_s.tolist() == asked.free_s.mean(axis=1).tolist()


def test_history_tells_what_came_of_the_last_steps() -> None:
    steps = play(always(0.5), 4)
    scene, step = steps[-1]
    before_scene, before = steps[-2]
    history = step.observation.recall()
    on = before_scene.has_task
    assert history.shape == (60, 10, 13)
    assert (history[:, -1, 12] == on).all()
    assert (history[:, -1, 0] == before_scene.cpu_hz).all()
    assert history[on, -1, 8] == pytest.approx(
        (before.outcome.delay_s / before_scene.deadline_s)[on]
    )
    assert not history[~on, -1, 5:12].any()
    # Three steps have been; the rows before them are empty.
    assert not history[:, :7].any()
    del scene


@pytest.mark.parametrize(
    ("rho", "target", "says"),
    [
        (np.full(60, np.nan), np.full(60, -1), "no number"),
        (np.zeros(3), np.full(60, -1), "shapes"),
        (np.zeros(60), np.full(60, 20), "does not exist"),
        (np.zeros(60), np.full(60, -2), "does not exist"),
    ],
)
def test_nonsense_decisions_are_refused(rho: np.ndarray, target: np.ndarray, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        play(Scripted(lambda seen: Decision(rho, target)), 1)


def test_truth_is_only_for_references_that_say_so() -> None:
    class Seer(Scripted):
        sees_truth = True

    seen: list[Observation] = []

    def decide(observation: Observation) -> Decision:
        seen.append(observation)
        n = len(observation.vehicle)
        return Decision(np.zeros(n), np.full(n, BY_RULE))

    (scene, _), *_ = play(Seer(decide), 1)
    assert seen[0].truth is not None
    assert seen[0].truth.scene.cycles is scene.cycles
    params = Params(start="scratch")
    assert all(not load(name).build(params, np.random.default_rng(0)).sees_truth
               for name in names() if name not in ("best",))  # fmt: skip


def test_bound_is_no_more_than_what_any_scheme_pays() -> None:
    params = Params(vehicles=150, start="scratch")
    stage = [name for name in names() if name != "best"] + ["bound"]
    world, comparison = World(SyntheticMobility(0), params), Comparison(stage, params, 0)
    for _ in range(10):
        steps = comparison.step(world.step(params), params)
        least = steps["bound"].outcome.cost
        for step in steps.values():
            assert (least <= step.outcome.cost + 1e-9).all()
