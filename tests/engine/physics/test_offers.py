"""Offers: the closed form of a task's cost at a server, and its exact minimum."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.physics.offers import offer
from engine.physics.offloading import Overhead

OVERHEAD = Overhead(twin_s=0.015, twin_j=10.0, share_result=False)


def deal(**about):
    """10 Mbit, 1 Gcycle, 0.8 s, 2 GHz; 40 Mbit/s to 3 GHz at 0.3, unless told."""
    values = {
        "data_bits": 10e6, "cycles": 1e9, "deadline_s": 0.8, "cpu_hz": 2e9, "rate_bps": 40e6,
        "core_hz": 3e9, "unit_price": 0.3,
    }  # fmt: skip
    options = {key: about.pop(key) for key in tuple(about) if key not in values}
    overhead = options.pop("overhead", OVERHEAD)
    return offer(
        *(np.array([about.get(name, value)]) for name, value in values.items()),
        overhead,
        **options,
    )


def test_staying_local_costs_time_and_energy_of_the_vehicle():
    # 0.5 s of 0.8 s, and 1000 J + 10 J of 1500 J.
    assert deal().cost(np.zeros(1))[0] == pytest.approx(0.5 / 0.8 + 1010 / 1500)


def test_a_split_costs_the_slower_branch_energy_and_price():
    # rho = 0.4: local 0.3 s; edge 0.1 up + 0.4/3 compute + 0.025 down + 0.015 twin + 0.1 wait.
    edge = 0.1 + 0.4 / 3 + 0.025 + 0.015 + 0.1
    energy = 600 + 120 + 0.1 * 0.125 + 10
    omega = edge / 0.8 + energy / 1500 + 0.12
    assert deal().cost(np.array([0.4]), 0.1)[0] == pytest.approx(omega)


def test_a_mesh_hop_adds_its_latency_and_the_time_on_the_link():
    hop = deal(hops=1.0, mesh_s_per_bit=1 / 100e6).cost(np.ones(1))[0]
    assert hop - deal().cost(np.ones(1))[0] == pytest.approx((0.005 + 0.1) / 0.8)


def test_with_a_result_as_large_as_the_share_a_small_share_downloads_less():
    shared = Overhead(0.015, 10.0, share_result=True)
    # rho = 0.4: local 0.3 s binds; on air 0.1 s up and 0.01 s down.
    omega = 0.3 / 0.8 + (600 + 120 + 0.1 * 0.11 + 10) / 1500 + 0.12
    assert deal(overhead=shared).cost(np.array([0.4]))[0] == pytest.approx(omega)
    assert deal(overhead=shared).cost(np.ones(1))[0] == pytest.approx(deal().cost(np.ones(1))[0])


@given(
    st.floats(4e6, 16e6), st.floats(0.5e9, 1.5e9), st.floats(0.1, 1.0), st.floats(1.5e9, 2.5e9),
    st.floats(20e6, 50e6), st.floats(2.5e9, 3.5e9), st.floats(0.0, 1.0), st.floats(0.0, 1.0),
    st.booleans(),
)  # fmt: skip
def test_the_closed_form_minimum_is_the_minimum(d, c, t, f, r, core, price, wait, shared):
    overhead = Overhead(0.015, 10.0, share_result=shared)
    at = deal(
        data_bits=d, cycles=c, deadline_s=t, cpu_hz=f, rate_bps=r, core_hz=core,
        unit_price=price, overhead=overhead,
    )  # fmt: skip
    rho, least = at.cheapest(wait)
    every = at.cost(np.linspace(0.0, 1.0, 2001), wait)
    assert least[0] <= every.min() + 1e-12
    assert at.cost(rho, wait)[0] == pytest.approx(least[0], rel=1e-12)


def test_a_toll_makes_the_best_share_smaller():
    assert deal().cheapest(0.0, 2.0)[0][0] < deal().cheapest(0.0, 0.0)[0][0]
