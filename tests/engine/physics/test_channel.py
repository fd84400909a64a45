"""Radio against hand-worked numbers, MODEL A3.3 and A1 row 4."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.physics import channel, literal


def test_rates_are_those_of_table_iv() -> None:
    # 0.1 W x 1000^-3 / (4e-14 + 3.33e-11) W = 2.999; log2(4) = 2.0 bit/s/Hz x 10 MHz.
    assert channel.sinr(np.array([1000.0]), 1.0)[0] == pytest.approx(2.999, abs=1e-3)
    assert channel.rate(np.array([1000.0]), 1.0)[0] == pytest.approx(20e6, rel=1e-3)
    # Inside 459 m the strongest modulation: 5 bit/s/Hz.
    assert channel.rate(np.array([459.0, 100.0, 0.0]), 1.0) == pytest.approx(50e6, rel=2e-3)
    # 700 m: 0.1 / 3.43e8 / 3.334e-11 = 8.744; log2(9.744) = 3.2845.
    assert channel.rate(np.array([700.0]), 1.0)[0] == pytest.approx(32.85e6, rel=1e-3)


def test_no_link_beyond_the_range_or_without_a_radio() -> None:
    assert channel.rate(np.array([1000.1, np.inf]), 3.0).tolist() == [0.0, 0.0]
    assert channel.rate(np.array([200.0, 200.5]), 1.0, channel.V2V_RANGE_M).tolist() == [50e6, 0.0]


def test_the_printed_rate_is_bits_per_second() -> None:
    # 0.1 x 50^-3 x 1e-14 / 4e-14 = 2e-7; 1e7 x 2e-7 / ln 2 = 2.885 bit/s.
    assert literal.printed_rate(np.array([50.0]), 1e-7)[0] == pytest.approx(2.885, rel=1e-3)
    assert literal.printed_rate(np.array([1000.0]), 1e-7)[0] == pytest.approx(3.6e-4, rel=2e-2)
    assert literal.printed_rate(np.array([50.0]), 1e-8)[0] == pytest.approx(0.0289, rel=1e-2)


def test_distance_of_all_pairs() -> None:
    far = channel.distance(np.array([[0.0, 0.0], [3.0, 4.0]]), np.array([[0.0, 0.0], [3.0, 0.0]]))
    assert far.tolist() == [[0.0, 3.0], [5.0, 4.0]]


@given(near=st.floats(0.0, 2000.0), more=st.floats(0.0, 2000.0), fading=st.floats(0.0, 20.0))
def test_rate_falls_with_distance_and_rises_with_the_channel(
    near: float, more: float, fading: float
) -> None:
    d = np.array([near, near + more])
    rates = channel.rate(d, fading)
    assert rates[1] <= rates[0] <= 50e6
    assert (rates <= channel.rate(d, fading + 1.0)).all()
