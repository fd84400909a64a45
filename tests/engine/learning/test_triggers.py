"""Triggers fire exactly when they are defined to, and adapt as eq. (45) is resolved."""

from __future__ import annotations

import pytest

from engine.learning.triggers import Adaptive, Asynchronous, SemiSynchronous, Synchronous


@pytest.mark.parametrize(
    ("since_s", "updates", "attached", "fired"),
    [
        (0.1, 9, 30, ""),
        (0.1, 10, 30, "count"),  # low traffic: N_agg
        (5.0, 9, 30, ""),
        (14.9, 1, 30, ""),
        (15.0, 1, 30, "time"),  # the net: 3 tau_agg
        (0.1, 3, 5, "count"),  # at most 60 % of the attached
        (0.1, 2, 5, ""),
        (4.9, 39, 50, ""),  # high traffic: tau_agg
        (5.0, 1, 50, "time"),
        (0.1, 40, 50, "count"),  # the net: 4 N_agg
        (99.0, 0, 50, ""),  # nothing to aggregate
    ],
)
def test_semi_synchronous(since_s, updates, attached, fired) -> None:
    assert SemiSynchronous(5.0, 10).fired(since_s, updates, 99, attached) == fired


@pytest.mark.parametrize(
    ("since_s", "updates", "expected", "fired"),
    [
        (1.0, 4, 5, ""),
        (1.0, 5, 5, "all"),
        (14.9, 4, 5, ""),
        (15.0, 4, 5, "time-out"),
        (99.0, 0, 5, ""),
    ],
)
def test_synchronous(since_s, updates, expected, fired) -> None:
    assert Synchronous(5.0).fired(since_s, updates, expected, 9) == fired


def test_asynchronous() -> None:
    assert Asynchronous().fired(0.0, 1, 9, 9) == "arrival"
    assert Asynchronous().fired(9.0, 0, 9, 9) == ""


def test_the_interval_grows_when_few_come_and_shrinks_when_nearly_all_do() -> None:
    start = Adaptive()
    assert start.after(0.7, 0.4, 5.0, 1.0, 30).interval_s == 5.5
    assert start.after(0.7, 0.95, 4.0, 1.0, 30).interval_s == 4.5
    assert start.after(0.7, 0.7, 4.0, 1.0, 30).interval_s == 5.0
    assert Adaptive(interval_s=1.0).after(0.7, 1.0, 0.5, 1.0, 30).interval_s == 1.0
    assert Adaptive(interval_s=15.0).after(0.7, 0.0, 0.5, 1.0, 30).interval_s == 15.0


def test_the_count_follows_how_fast_it_was_reached() -> None:
    assert Adaptive().after(0.7, 0.7, 2.5, 1.0, 30).count == 11
    assert Adaptive().after(0.7, 0.7, 5.1, 1.0, 30).count == 9
    assert Adaptive().after(0.7, 0.7, 1.0, 1.0, 10).count == 6  # at most 60 % of the attached
    assert Adaptive(count=3).after(0.7, 0.7, 9.0, 1.0, 30).count == 3


def test_sigma_tracks_seventy_percent_and_shrinks_with_the_gradients() -> None:
    assert Adaptive(sigma_min=0.5).after(1.0, 0.7, 4.0, 1.0, 30).sigma_min == pytest.approx(0.515)
    assert Adaptive(sigma_min=0.5).after(0.2, 0.7, 4.0, 1.0, 30).sigma_min == pytest.approx(0.475)
    assert Adaptive(sigma_min=0.5).after(1.0, 0.7, 4.0, 0.1, 30).sigma_min == pytest.approx(0.1)
    assert Adaptive().after(1.0, 0.7, 4.0, 1.0, 30).sigma_min > 0.0
