"""The closed forms of the lone task against brute force."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.physics import deadlines
from engine.physics.split import balanced_share, cheapest_share, shortest_delay

SECONDS = st.floats(1e-3, 2.0)


def arrays(*values: float) -> tuple[np.ndarray, ...]:
    return tuple(np.array([v]) for v in values)


def test_balanced_split_by_hand() -> None:
    a, b, c = arrays(0.5, 0.5, 0.1)  # (0.5 - 0.1) / 1.0
    assert balanced_share(a, b, c)[0] == pytest.approx(0.4)
    assert shortest_delay(a, b, c)[0] == pytest.approx(0.3)  # 0.6 x 0.5


def test_a_slow_edge_leaves_everything_local() -> None:
    a, b, c = arrays(0.5, 0.5, 0.9)
    assert balanced_share(a, b, c)[0] == 0.0
    assert shortest_delay(a, b, c)[0] == 0.5


@given(a=SECONDS, b=SECONDS, c=SECONDS)
def test_no_split_is_faster_than_the_balanced_one(a: float, b: float, c: float) -> None:
    rho = np.linspace(0.0, 1.0, 400)
    brute = np.where(rho > 0, np.maximum((1 - rho) * a, rho * b + c), a).min()
    best = shortest_delay(*arrays(a, b, c))[0]
    assert best <= brute + 1e-9
    assert best >= brute - (a + b) / 399


@given(
    a=SECONDS,
    b=SECONDS,
    c=SECONDS,
    deadline=st.floats(0.1, 1.0),
    slope=st.floats(-2.0, 2.0),
    fixed=st.floats(0.0, 0.1),
)
def test_the_cheapest_share_is_a_minimum(
    a: float, b: float, c: float, deadline: float, slope: float, fixed: float
) -> None:
    def relative(rho: np.ndarray) -> np.ndarray:
        slower = (np.maximum((1 - rho) * a, rho * b + c) - a) / deadline
        return np.where(rho > 0, slower + slope * rho + fixed, 0.0)

    rho, gain = cheapest_share(*arrays(a, b, c, deadline, slope), fixed)
    assert 0.0 <= rho[0] <= 1.0
    assert gain[0] == pytest.approx(relative(rho)[0], abs=1e-9)
    assert gain[0] <= relative(np.linspace(0.0, 1.0, 500)).min() + 1e-9


def test_deadline_floor_by_hand() -> None:
    # C = 1, f = 2: a = 0.5, b = 10/45 + 1/3 = 0.55556, c = 0.03722; t0 = 0.5 x 0.59278 / 1.05556
    # = 0.28079; x 1.25 = 0.35099.
    floor = deadlines.floor(np.array([1e9]), np.array([2e9]), 1.25, 0.1, 1.0)
    assert floor[0] == pytest.approx(0.35099, abs=1e-5)
    assert deadlines.deadline(np.array([0.0, 0.5]), 0.35, 1.0) == pytest.approx([0.35, 0.675])


def test_a_fixed_deadline_has_no_floor() -> None:
    floor = deadlines.floor(np.array([1e9]), np.array([2e9]), 1.25, 0.1, 0.1)
    assert deadlines.deadline(np.array([0.7]), floor, 0.1)[0] == 0.1
