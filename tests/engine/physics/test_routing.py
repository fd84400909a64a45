"""The rule for the server, MODEL A3.7: a row of three RSUs, 0 - 1 - 2."""

import dataclasses

import numpy as np
import pytest

from engine.physics.neighbours import Helpers
from engine.physics.offloading import Overhead
from engine.physics.routing import Believed, around, asks_helper, estimate

OVERHEAD = Overhead(twin_s=0.015, twin_j=10.0, share_result=False)
LINE = np.array([[1, -1, -1, -1], [2, -1, 0, -1], [-1, -1, 1, -1]])


def known(deadline_s: float = 0.4, **changes: object) -> Believed:
    base = Believed(
        cycles=np.array([1e9]),
        data_bits=np.array([10e6]),
        deadline_s=np.array([deadline_s]),
        cpu_hz=np.array([2e9]),
        rate_bps=np.array([40e6]),
        core_hz=np.full(3, 3e9),
        backlog_s=np.array([0.0, 0.6, 0.1]),
        mean_wait_s=np.zeros(3),
        mesh_rate_bps=np.full(3, 100e6),
        up=np.ones(3, bool),
        neighbours=LINE,
    )
    return dataclasses.replace(base, **changes)


AT_1 = np.array([1])


def test_estimated_delay_by_hand() -> None:
    # a = 0.5, b = 0.25 + 1/3, c = 0.025 + 0.015 + W. At RSU 0 a hop adds 0.1 to b and 0.005 to c.
    there = estimate(known(), AT_1, np.array([0]), np.array([0.0, 0.6, 0.1]), OVERHEAD)
    a, b, c = 0.5, 0.25 + 1 / 3 + 0.1, 0.045
    assert there[0] == pytest.approx(a * (b + c) / (a + b))
    here = estimate(known(), AT_1, AT_1, np.array([0.0, 0.6, 0.1]), OVERHEAD)
    assert here[0] == 0.5  # so long a queue that all local is faster


def test_a_task_leaves_a_full_rsu_for_the_neighbour_that_saves_it() -> None:
    assert around(known(), AT_1, OVERHEAD).tolist() == [0]


def test_a_task_that_is_in_time_stays() -> None:
    assert around(known(deadline_s=0.6), AT_1, OVERHEAD).tolist() == [1]


def test_a_task_that_is_late_everywhere_stays() -> None:
    assert around(known(deadline_s=0.1), AT_1, OVERHEAD).tolist() == [1]


def test_a_dead_rsu_is_left_for_the_best_that_works() -> None:
    down = known(deadline_s=0.1, up=np.array([True, False, True]))
    assert around(down, AT_1, OVERHEAD).tolist() == [0]
    alone = known(up=np.array([False, False, False]))
    assert around(alone, AT_1, OVERHEAD).tolist() == [1]


def test_outside_coverage_nothing_is_routed() -> None:
    nowhere = known(rate_bps=np.zeros(1))
    assert around(nowhere, np.array([-1]), OVERHEAD).tolist() == [-1]


def test_a_helper_is_asked_where_it_is_expected_to_be_faster() -> None:
    helpers = Helpers(np.array([4]), np.array([50.0]), np.array([50e6]), np.array([50e6]))
    rows, fast = np.array([0]), np.array([2.5e9])
    # Empty RSU: b = 0.583, c = 0.04. Helper: b = 0.2 + 0.4 = 0.6, c = 0.035: the RSU is faster.
    assert not asks_helper(known(), AT_1, helpers, rows, fast, OVERHEAD)[0]
    waits = known(mean_wait_s=np.array([0.0, 0.1, 0.0]))
    assert asks_helper(waits, AT_1, helpers, rows, fast, OVERHEAD)[0]
    nobody = dataclasses.replace(helpers, row=np.array([-1]))
    assert not asks_helper(waits, AT_1, nobody, rows, fast, OVERHEAD)[0]
    uncovered = known(rate_bps=np.zeros(1))
    assert asks_helper(uncovered, np.array([-1]), helpers, rows, fast, OVERHEAD)[0]
