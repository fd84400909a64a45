"""The planner's search: honest about the value it reports, never worse than where it began."""

import itertools

import numpy as np
import pytest

from engine.mobility.synthetic import SyntheticMobility
from engine.params import Params
from engine.physics.candidates import Stage, settle_batch, work_of
from engine.physics.offloading import Overhead
from engine.physics.pressure import Pressure, Trace
from engine.physics.schedule import LEFTOVER_PRICE, Planner
from engine.world import World


def stage_of(vehicles=120, free=0.3, down=(), **about):
    params = Params.parse({"vehicles": vehicles, **about})
    world = World(SyntheticMobility(0), params)
    for _ in range(3):
        scene = world.step(params, frozenset(down))
    work = work_of(scene, scene.battery_j)
    k = len(work.row)
    free_s = np.random.default_rng(0).uniform(0.0, free, (20, scene.rsus.cores))
    return Stage(
        work, scene.rsus, free_s, Overhead.of(params), False, False, np.zeros(k), np.ones(k)
    )


def local_costs(stage):
    k = len(stage.work.row)
    nowhere, nobody = np.full((1, k), -1), np.zeros((1, k), bool)
    return settle_batch(stage, np.zeros((1, k)), nowhere, nobody).parts.cost[0]


def planner_of(stage, seed=0):
    k = len(stage.work.row)
    return Planner(stage, np.zeros(k), local_costs(stage), np.random.default_rng(seed))


def settled(stage, planner, plan):
    nobody = np.zeros((1, len(plan.rho)), bool)
    return settle_batch(stage, plan.rho[None], planner.seat(plan)[None], nobody)


@pytest.mark.parametrize("about", [{}, {"rsu_cores": "2"}, {"down": (2, 3, 9)}], ids=str)
def test_every_stage_of_the_search_only_improves_and_reports_the_true_value(about):
    stage = stage_of(**about)
    planner = planner_of(stage)
    plan = planner.start()
    plans = [plan, plan := planner.families(plan), plan := planner.fixed_points(plan, 4)]
    for index in range(10):
        plan = planner.improve(plan, index)
        plans.append(plan)
    values = [p.value for p in plans]
    assert all(after <= before + 1e-9 for before, after in itertools.pairwise(values))
    assert values[-1] < 0.9 * values[0]
    for p in plans:
        true = settled(stage, planner, p)
        over_s = np.maximum(true.free_s[0] - 1.0, 0.0).sum()
        assert p.value == pytest.approx(true.parts.cost.sum() + LEFTOVER_PRICE * over_s)
        assert ((p.rho >= 0.0) & (p.rho <= 1.0)).all()


def test_the_trace_it_carries_is_that_of_its_own_plan():
    stage = stage_of()
    planner = planner_of(stage)
    plan = planner.families(planner.start())
    for index in range(4):
        plan = planner.improve(plan, index)
    true = Trace.of(settled(stage, planner, plan), plan.rho[None])
    at = true.queued
    np.testing.assert_array_equal(plan.trace.queued, at)
    for name in ("server", "arrival_s", "wait_s", "service_s", "binds"):
        np.testing.assert_array_equal(getattr(plan.trace, name)[at], getattr(true, name)[at])


def test_no_budget_is_lost_on_tasks_that_nobody_can_serve():
    stage = stage_of(down=range(20))
    planner = planner_of(stage)
    plan = planner.improve(planner.families(planner.start()), 0)
    assert (plan.rho == 0.0).all()
    assert plan.value == pytest.approx(local_costs(stage).sum())


def test_pressure_is_the_wait_met_and_the_weight_of_those_behind():
    """One RSU, one core: 0.0-0.4, then 0.1 waits 0.3 until 0.4-0.6, then 0.8 finds it idle."""
    trace = Trace(
        queued=np.array([[True, True, True]]),
        server=np.array([[0, 0, 0]]),
        arrival_s=np.array([[0.0, 0.1, 0.8]]),
        wait_s=np.array([[0.0, 0.3, 0.0]]),
        service_s=np.array([[0.4, 0.2, 0.1]]),
        binds=np.array([[True, True, True]]),
    )
    deadline_s = np.array([0.5, 0.25, 1.0])
    queues = Pressure(trace, deadline_s, np.zeros(1), 1, leftover_price=7.0)
    at_s = np.array([[[0.0], [0.1], [0.8]]])
    wait, harm = queues.meet(np.zeros((3, 1), int), at_s, np.full((1, 3, 1), 0.1))
    np.testing.assert_allclose(wait[0, :, 0], [0.0, 0.3, 0.0])
    # The first delays the second (1/T = 4); the second opens no longer queue for the third.
    np.testing.assert_allclose(harm[0, :, 0], [4.0, 0.0, 0.0])
    # A newcomer at 0.2 waits for both, and ends before the third comes unless it takes long.
    wait, harm = queues.meet(
        np.zeros((1, 1), int), np.full((1, 1, 1), 0.2), np.full((1, 1, 1), 0.1)
    )
    assert wait[0, 0, 0] == pytest.approx(0.4)
    assert harm[0, 0, 0] == 0.0
    _, harm = queues.meet(np.zeros((1, 1), int), np.full((1, 1, 1), 0.2), np.full((1, 1, 1), 0.3))
    assert harm[0, 0, 0] == 1.0
    # Work that runs over the end of the step is paid for by the next.
    _, harm = queues.meet(np.zeros((1, 1), int), np.full((1, 1, 1), 0.95), np.full((1, 1, 1), 0.3))
    assert harm[0, 0, 0] == 7.0
