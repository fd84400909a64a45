"""The paper-literal equations: by hand, and the table of MODEL A3.11."""

import numpy as np
import pytest

from engine.params import Params
from engine.physics import literal
from engine.physics.load import load_index
from engine.physics.offloading import Overhead, Work
from engine.presets import PRESETS

OVERHEAD = Overhead(twin_s=0.015, twin_j=10.0, share_result=False)


def many_tasks(k: int) -> Work:
    rng = np.random.default_rng(7)
    return Work(
        row=np.arange(k),
        phase_s=rng.random(k),
        data_bits=rng.uniform(4e6, 16e6, k),
        cycles=rng.uniform(0.5e9, 1.5e9, k),
        deadline_s=rng.uniform(0.1, 1.0, k),
        cpu_hz=rng.uniform(1.5e9, 2.5e9, k),
        battery_j=np.full(k, 9e5),
        serving=rng.integers(0, max(k // 10, 1), k),
        rate_bps=rng.uniform(20e6, 50e6, k),
    )


@pytest.mark.parametrize(
    ("rho", "cost", "shared_cost", "shared_delay_s", "in_time"),
    [
        (0.0, 1.32, 1.32, 0.51, 0.54),
        (0.25, 1.47, 1.48, 0.52, 0.54),
        (0.5, 1.64, 3.17, 1.12, 0.11),
        (1.0, 2.38, 10.9, 4.03, 0.00),
    ],
)
def test_table_of_model_a3_11(
    rho: float, cost: float, shared_cost: float, shared_delay_s: float, in_time: float
) -> None:
    work = many_tasks(40_000)
    rng = np.random.default_rng(8)
    clocks, prices = rng.uniform(2.5e9, 3.5e9, 4000), rng.uniform(0.25, 0.5, 4000)
    share = np.full(40_000, rho)
    own = literal.outcomes(work, share, clocks[work.serving], prices[work.serving], OVERHEAD)
    assert own.cost.mean() == pytest.approx(cost, abs=0.03)
    # About ten tasks at each RSU at once, as at N = 200 with one task a second.
    clock = literal.shared_clock(share, work.serving, clocks)
    shared = literal.outcomes(work, share, clock, prices[work.serving], OVERHEAD)
    assert shared.cost.mean() == pytest.approx(shared_cost, rel=0.05)
    assert shared.delay_s.mean() == pytest.approx(shared_delay_s, rel=0.06)
    assert (shared.delay_s <= work.deadline_s).mean() == pytest.approx(in_time, abs=0.03)


def test_as_printed_offloading_is_never_faster() -> None:
    work = many_tasks(500)
    local = work.cycles / work.cpu_hz
    for rho in (0.0, 0.3, 1.0):
        share = np.full(500, rho)
        parts = literal.outcomes(work, share, np.full(500, 3e9), np.full(500, 0.3), OVERHEAD)
        assert (parts.delay_s >= local).all()


def test_literal_energy_by_hand() -> None:
    # rho = 0: E_off = 2 E_DT = 20 J beats E_loc ~ 1000 J; so the printed optimum costs nothing.
    work = many_tasks(10)
    zero = np.zeros(10)
    parts = literal.outcomes(work, zero, np.full(10, 3e9), np.full(10, 0.3), OVERHEAD)
    assert parts.energy_j.tolist() == [20.0] * 10


def test_shares_of_a_clock() -> None:
    rho, server = np.array([0.5, 1.0, 0.9, 1.0]), np.array([0, 0, 1, -1])
    clock = literal.shared_clock(rho, server, np.array([3e9, 3e9]))
    assert clock[:3] == pytest.approx([2e9, 2e9, 3e9])


@pytest.mark.parametrize(
    ("preset", "index"),
    [("default", 0.72), ("low", 1.8), ("high", 5.4), ("high-provisioned", 1.3),
     ("dense-learning", 0.90), ("easy", 0.18)],
)  # fmt: skip
def test_load_index_of_the_presets(preset: str, index: float) -> None:
    params = PRESETS[preset].params()
    vehicles = params.target_vehicles(0.0)
    assert load_index(params, vehicles, 20) == pytest.approx(index, rel=0.05)
    assert load_index(Params(), 0, 20) == 0.0
