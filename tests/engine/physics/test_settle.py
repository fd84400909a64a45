"""A whole step of offloading: by hand, and what holds whatever is decided."""

import dataclasses

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.params import Params
from engine.physics.offloading import Overhead, Work
from engine.physics.settle import Plan, Settled, settle
from engine.rsus import COUNT, RsuTraits
from engine.types import Rsus

OVERHEAD = Overhead(twin_s=0.015, twin_j=10.0, share_result=False)


def the_rsus(**changes: object) -> Rsus:
    return dataclasses.replace(RsuTraits(1).scene(Params(), ()), **changes)


def some_work(rng: np.random.Generator, k: int) -> Work:
    return Work(
        row=np.arange(k),
        phase_s=rng.random(k),
        data_bits=rng.uniform(4e6, 16e6, k),
        cycles=rng.uniform(0.5e9, 1.5e9, k),
        deadline_s=rng.uniform(0.2, 1.0, k),
        cpu_hz=rng.uniform(1.5e9, 2.5e9, k),
        battery_j=np.full(k, 9e5),
        serving=rng.integers(0, COUNT, k),
        rate_bps=rng.uniform(20e6, 50e6, k),
    )


def some_plan(rng: np.random.Generator, work: Work) -> Plan:
    k = len(work.row)
    guest = rng.random(k) < 0.1
    target = np.where(rng.random(k) < 0.3, rng.integers(0, COUNT, k), work.serving)
    return Plan(
        rho=np.where(rng.random(k) < 0.2, 0.0, rng.random(k)),
        target=np.where(guest, -1, target),
        guest=guest,
        host_bps=rng.uniform(20e6, 50e6, k),
        host_hz=rng.uniform(1.5e9, 2.5e9, k),
    )


def take(what: Work | Plan, order: np.ndarray) -> Work | Plan:
    return dataclasses.replace(
        what, **{f.name: getattr(what, f.name)[order] for f in dataclasses.fields(what)}
    )


def run(work: Work, plan: Plan, rsus: Rsus, free_s: np.ndarray, **flags: bool) -> Settled:
    chosen = {"live_mesh": False, "admission": False, **flags}
    return settle(work, plan, rsus, free_s, OVERHEAD, **chosen)


def two_at_one_rsu() -> tuple[Work, Plan, Rsus]:
    two = np.ones(2)
    work = Work(
        row=np.arange(2), phase_s=np.array([0.1, 0.2]), data_bits=8e6 * two, cycles=1e9 * two,
        deadline_s=0.8 * two, cpu_hz=2e9 * two, battery_j=9e5 * two, serving=np.array([4, 4]),
        rate_bps=40e6 * two,
    )  # fmt: skip
    plan = Plan(
        rho=0.5 * two, target=np.array([4, 4]), guest=np.zeros(2, bool), host_bps=0 * two,
        host_hz=two,
    )  # fmt: skip
    return work, plan, the_rsus(cpu_hz=np.full(COUNT, 2e9))


def test_two_tasks_queue_at_one_core_by_hand() -> None:
    # Uploads take 4/40 = 0.1: arrivals at 0.2 and 0.3; service 0.25 each: 0.2-0.45, 0.45-0.7.
    work, plan, rsus = two_at_one_rsu()
    result = run(work, plan, rsus, np.zeros((COUNT, 1)))
    assert result.parts.wait_s == pytest.approx([0.0, 0.15])
    # Edge: 0.1 + wait + 0.25 + down 0.8/40 + twin 0.015.
    assert result.parts.delay_s == pytest.approx([0.385, 0.535])
    # The first delays the second: 0.25 s / 1 core / 0.8 s; the second nobody.
    assert result.toll == pytest.approx([0.3125, 0.0])
    assert result.requests[4] == result.asked[4] == 2
    assert result.wait_s[4] == pytest.approx(0.075)
    assert result.served_cycles[4] == result.offered_cycles[4] == pytest.approx(1e9)
    assert result.free_s.max() == 0.0


def test_work_that_lasts_past_the_step_is_carried_over() -> None:
    work, plan, rsus = two_at_one_rsu()
    late = dataclasses.replace(work, phase_s=np.array([0.6, 0.7]))
    result = run(late, plan, rsus, np.zeros((COUNT, 1)))
    assert result.free_s[4, 0] == pytest.approx(0.2)  # 0.7 + 0.25 + 0.25 - 1
    again = run(work, plan, rsus, result.free_s)
    assert again.parts.wait_s == pytest.approx([0.0, 0.15])


def test_a_full_buffer_refuses_and_the_vehicle_computes_itself() -> None:
    work, plan, rsus = two_at_one_rsu()
    result = run(work, plan, rsus, np.full((COUNT, 1), 1.25))
    assert result.rejected.tolist() == [True, False]  # would wait 1.05 and 0.95 s
    assert result.server.tolist() == [-1, 4]
    assert result.parts.price[0] == 0.0
    assert result.parts.delay_s[0] == pytest.approx(0.25 + 0.25)


def test_a_guest_never_queues_at_an_rsu() -> None:
    work, plan, rsus = two_at_one_rsu()
    hosted = dataclasses.replace(
        plan, guest=np.array([True, False]), target=np.array([-1, 4]),
        host_bps=np.full(2, 50e6), host_hz=np.full(2, 2.5e9),
    )  # fmt: skip
    result = run(work, hosted, rsus, np.full((COUNT, 1), 0.5))
    # Guest: 4/50 + 0.5/2.5 + 0.8/50 + 0.015 = 0.311; pays half of P_max, and 1 J per Mcycle.
    assert result.parts.delay_s[0] == pytest.approx(0.311)
    assert result.parts.price[0] == pytest.approx(0.25)
    assert result.parts.e_comp_j[0] == pytest.approx(500.0)
    assert result.server.tolist() == [-1, 4]
    assert result.requests.sum() == result.asked.sum() == 1


def test_a_broken_rsu_hands_its_work_to_a_neighbour() -> None:
    work, plan, rsus = two_at_one_rsu()
    up = np.ones(COUNT, bool)
    up[4] = False
    result = run(work, plan, dataclasses.replace(rsus, up=up), np.zeros((COUNT, 1)))
    assert result.forwarded.all()
    assert set(result.server.tolist()) <= set(rsus.neighbours[4].tolist())
    assert (result.parts.t_hop_s > 0.0).all()


@given(
    seed=st.integers(0, 100_000),
    k=st.integers(0, 60),
    live=st.booleans(),
    admission=st.booleans(),
    busy=st.floats(0.0, 3.0),
)
def test_what_holds_whatever_is_decided(
    seed: int, k: int, live: bool, admission: bool, busy: float
) -> None:
    rng = np.random.default_rng(seed)
    work = some_work(rng, k)
    plan, free_s = some_plan(rng, work), busy * rng.random((COUNT, 1))
    rsus = the_rsus(up=rng.random(COUNT) < 0.9)
    result = run(work, plan, rsus, free_s, live_mesh=live, admission=admission)
    for field in dataclasses.fields(result.parts):
        value = getattr(result.parts, field.name)
        assert np.isfinite(value).all(), field.name
        assert (value >= 0.0).all(), field.name
    sent = plan.rho > 0.0
    # Every share ends in exactly one way.
    assert (result.accepted.astype(int) + result.rejected + ~sent == 1).all()
    assert (result.parts.price[~result.accepted] == 0.0).all()
    assert (result.server[result.accepted & ~plan.guest] >= 0).all()
    assert (result.server[~result.accepted | plan.guest] == -1).all()
    assert result.parts.wait_s.max(initial=0.0) <= 1.0
    # No RSU computes more than its cores can: new work fits in what the queues grew by.
    carried = (rsus.cpu_hz[:, None] * free_s).sum()
    left = (rsus.cpu_hz[:, None] * (result.free_s + 1.0)).sum()
    assert result.served_cycles.sum() <= left + 1e-3
    assert (
        result.served_cycles.sum() + carried
        <= (rsus.cpu_hz[:, None] * np.maximum(result.free_s + 1.0, free_s)).sum() + 1e-3
    )
    assert (result.toll >= 0.0).all()
    assert (result.toll[~result.accepted] == 0.0).all()


@given(seed=st.integers(0, 100_000), k=st.integers(1, 50), live=st.booleans())
def test_reordering_the_tasks_reorders_the_outcome(seed: int, k: int, live: bool) -> None:
    rng = np.random.default_rng(seed)
    work = some_work(rng, k)
    plan, free_s, rsus = some_plan(rng, work), rng.random((COUNT, 1)), the_rsus()
    order = rng.permutation(k)
    before = run(work, plan, rsus, free_s, live_mesh=live)
    after = run(take(work, order), take(plan, order), rsus, free_s, live_mesh=live)
    for field in dataclasses.fields(before.parts):
        one, other = getattr(before.parts, field.name), getattr(after.parts, field.name)
        assert one[order].tolist() == other.tolist(), field.name
    assert before.server[order].tolist() == after.server.tolist()
    assert before.toll[order] == pytest.approx(after.toll, rel=1e-9, abs=1e-12)
    assert before.free_s.tolist() == after.free_s.tolist()


def test_an_empty_step_only_drains_the_queues() -> None:
    work = some_work(np.random.default_rng(0), 0)
    plan = some_plan(np.random.default_rng(0), work)
    result = run(work, plan, the_rsus(), np.full((COUNT, 1), 1.5))
    assert (result.free_s == 0.5).all()
    assert result.requests.sum() == 0.0
