"""Eqs. (5)-(22) by hand: D = 10 Mbit, C = 1 Gcycle, f_n = 2 GHz, r = 40 Mbit/s."""

import dataclasses

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.params import Params
from engine.physics import offloading as eq
from engine.physics.offloading import Overhead, Parts, Work

HALF, D, C, F, R = (np.array([v]) for v in (0.5, 10e6, 1e9, 2e9, 40e6))
ONE_SECOND = Overhead(twin_s=0.015, twin_j=10.0, share_result=False)


def a_task(**changes: float) -> Work:
    values = {
        "phase_s": 0.2, "data_bits": 10e6, "cycles": 1e9, "deadline_s": 0.8, "cpu_hz": 2e9,
        "battery_j": 9e5, "rate_bps": 40e6, **changes,
    }  # fmt: skip
    arrays = {name: np.array([value]) for name, value in values.items()}
    return Work(row=np.array([0]), serving=np.array([3]), **arrays)


def composed(work: Work, rho: float, *, accepted: bool = True, wait_s: float = 0.1) -> Parts:
    share = np.array([rho])
    way = eq.upload(work, share, work.rate_bps, np.array([True]), np.array([125e6]))
    return eq.compose(
        work, share, work.rate_bps, way,
        accepted=np.array([accepted]), wait_s=np.array([wait_s]), hop_s=np.zeros(1),
        core_hz=np.array([3e9]), unit_price=np.array([0.4]), j_per_cycle=eq.RSU_J_PER_CYCLE,
        overhead=ONE_SECOND,
    )  # fmt: skip


def test_local_share_eq_5_and_6() -> None:
    assert eq.local_delay(HALF, C, F)[0] == pytest.approx(0.25)  # 0.5 x 1e9 / 2e9
    assert eq.local_energy(HALF, C)[0] == pytest.approx(500.0)  # 1e-6 x 0.5e9


def test_upload_eq_7_and_9() -> None:
    assert eq.upload_delay(HALF, D, R)[0] == pytest.approx(0.125)  # 5 Mbit / 40 Mbit/s
    assert eq.radio_energy(np.array([0.125]))[0] == pytest.approx(0.0125)  # 0.1 W
    assert eq.upload_delay(np.zeros(1), D, np.zeros(1))[0] == 0.0
    assert eq.upload_delay(HALF, D, np.zeros(1))[0] == np.inf


def test_computing_at_the_edge_eq_10_and_11() -> None:
    assert eq.compute_delay(HALF, C, np.array([2.5e9]))[0] == pytest.approx(0.2)
    assert eq.compute_energy(HALF, C)[0] == pytest.approx(150.0)  # 0.5 x 0.3e-6 x 1e9
    assert eq.compute_energy(HALF, C, eq.VEHICLE_J_PER_CYCLE)[0] == pytest.approx(500.0)


def test_result_eq_12() -> None:
    whole = eq.result_bits(HALF, D, share_result=False)
    assert whole[0] == pytest.approx(1e6)
    assert eq.download_delay(whole, R)[0] == pytest.approx(0.025)
    assert eq.result_bits(HALF, D, share_result=True)[0] == pytest.approx(0.5e6)
    assert eq.result_bits(np.zeros(1), D, share_result=False)[0] == 0.0


@pytest.mark.parametrize(
    ("interval_s", "delay_s", "energy_j"),
    [("0.1", 0.105, 100.0), ("1", 0.015, 10.0), ("5", 0.007, 2.0)],
)
def test_twin_overhead(interval_s: str, delay_s: float, energy_j: float) -> None:
    overhead = Overhead.of(Params(sync_interval=interval_s))
    assert overhead.twin_s == pytest.approx(delay_s)
    assert overhead.twin_j == pytest.approx(energy_j)


def test_cost_eq_22() -> None:
    cost = eq.cost(np.array([0.4]), np.array([750.0]), np.array([0.2]), np.array([0.8]))
    assert cost[0] == pytest.approx(0.5 + 0.5 + 0.2)
    assert eq.service_price(HALF, 0.4)[0] == pytest.approx(0.2)  # (21)


def test_a_split_task_worked_by_hand() -> None:
    # Up 5 Mbit: 0.125; hop 0.005 + 5/125 = 0.045; wait 0.1; compute 0.5/3 = 0.16667; down 1/40 =
    # 0.025; twin 0.015: edge 0.47667 s against 0.25 s local. E = 500 + 0.1 x 0.15 + 150 + 10.
    parts = composed(a_task(), 0.5)
    assert parts.t_hop_s[0] == pytest.approx(0.045)
    assert parts.delay_s[0] == pytest.approx(0.476667, abs=1e-6)
    assert parts.energy_j[0] == pytest.approx(660.015)
    assert parts.price[0] == pytest.approx(0.2)
    assert parts.cost[0] == pytest.approx(0.476667 / 0.8 + 660.015 / 1500 + 0.2, abs=1e-6)


def test_arrival_at_the_server() -> None:
    way = eq.upload(a_task(), HALF, R, np.array([False]), np.array([125e6]))
    assert way.arrival_s[0] == pytest.approx(0.325)
    # Phase 0.2 + T 0.8 - t_DT 0.015 - result 0.025.
    assert eq.latest_finish(a_task(), HALF, R, ONE_SECOND)[0] == pytest.approx(0.96)


def test_refused_work_falls_back_to_the_vehicle() -> None:
    # max(0.25, 0.125 + 0.045 + 0.015) + 0.5e9 / 2e9 = 0.5 s; E = 1000 + 0.0125 + 10; no price.
    parts = composed(a_task(), 0.5, accepted=False, wait_s=2.0)
    assert parts.delay_s[0] == pytest.approx(0.5)
    assert parts.energy_j[0] == pytest.approx(1010.0125)
    assert parts.price[0] == 0.0
    # A slow upload delays the fallback: 1.25 + (0.005 + 5/125) + 0.015 + 0.25.
    slow = composed(a_task(rate_bps=4e6), 0.5, accepted=False)
    assert slow.delay_s[0] == pytest.approx(1.56)


def test_nothing_offloaded_is_the_local_option() -> None:
    parts = composed(a_task(), 0.0)
    assert parts.delay_s[0] == pytest.approx(0.5)
    assert parts.energy_j[0] == pytest.approx(1010.0)
    assert parts.price[0] == parts.t_up_s[0] == parts.t_hop_s[0] == parts.e_radio_j[0] == 0.0


def test_mandates() -> None:
    weak = a_task(battery_j=999.0)  # below kappa C = 1000 J, (C.2)
    assert eq.mandated_share(weak, np.array([0.1]), force=False)[0] == 1.0
    tight = a_task(deadline_s=0.3)  # 1 - 2e9 x 0.3 / 1e9 = 0.4
    assert eq.mandated_share(tight, np.array([0.1]), force=True)[0] == pytest.approx(0.4)
    assert eq.mandated_share(tight, np.array([0.6]), force=True)[0] == pytest.approx(0.6)
    assert eq.mandated_share(tight, np.array([0.1]), force=False)[0] == pytest.approx(0.1)


@given(
    rho=st.floats(0.0, 1.0),
    data=st.floats(1e5, 4e7),
    cycles=st.floats(1e8, 3e9),
    wait=st.floats(0.0, 1.0),
    rate=st.floats(20e6, 50e6),
    accepted=st.booleans(),
)
def test_parts_make_up_the_whole(
    rho: float, data: float, cycles: float, wait: float, rate: float, accepted: bool
) -> None:
    work = a_task(data_bits=data, cycles=cycles, rate_bps=rate)
    parts = composed(work, rho, accepted=accepted, wait_s=wait)
    for field in dataclasses.fields(parts):
        value = getattr(parts, field.name)[0]
        assert np.isfinite(value)
        assert value >= 0.0
    energy = parts.e_local_j + parts.e_radio_j + parts.e_comp_j + parts.e_twin_j
    assert parts.energy_j[0] == pytest.approx(energy[0], rel=1e-12)
    assert parts.delay_s[0] >= parts.t_local_s[0]
    assert parts.delay_s[0] >= (parts.edge_s[0] if accepted and rho > 0 else 0.0)
    total = parts.delay_s / work.deadline_s + parts.energy_j / 1500.0 + parts.price
    assert parts.cost[0] == pytest.approx(total[0], rel=1e-12)


@given(rho=st.floats(0.01, 1.0), clock=st.floats(1e9, 8e9), faster=st.floats(1.0, 4.0))
def test_a_faster_server_never_delays(rho: float, clock: float, faster: float) -> None:
    share = np.array([rho])
    slow = eq.compute_delay(share, C, np.array([clock]))
    assert eq.compute_delay(share, C, np.array([clock * faster]))[0] <= slow[0]
    # Twice the cycles on twice the clock take as long.
    assert eq.compute_delay(share, 2 * C, np.array([2 * clock]))[0] == pytest.approx(slow[0])


def test_candidates_stand_on_a_leading_axis() -> None:
    work = a_task()
    shares = np.linspace(0.0, 1.0, 5)[:, None]
    way = eq.upload(work, shares, work.rate_bps, np.array([True]), np.array([125e6]))
    many = eq.compose(
        work, shares, work.rate_bps, way,
        accepted=np.ones((5, 1), bool), wait_s=np.full((5, 1), 0.1), hop_s=np.zeros((5, 1)),
        core_hz=np.array([3e9]), unit_price=np.array([0.4]), j_per_cycle=eq.RSU_J_PER_CYCLE,
        overhead=ONE_SECOND,
    )  # fmt: skip
    for i, rho in enumerate(shares[:, 0]):
        assert many.cost[i, 0] == composed(work, float(rho)).cost[0]
