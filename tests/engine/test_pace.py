"""Steps come at the wanted pace and are never caught up with."""

from __future__ import annotations

import pytest

from engine.pace import Pacer


def test_the_first_step_is_due_at_once_and_the_next_a_period_later() -> None:
    pacer = Pacer()
    assert pacer.wait_s(1, 100.0) == 0.0
    pacer.stepped(1, 100.0)
    assert pacer.wait_s(1, 100.25) == pytest.approx(0.75)
    assert pacer.wait_s(10, 100.25) == 0.0
    assert pacer.wait_s(0, 100.0) == 0.0


def test_small_lateness_does_not_add_up() -> None:
    pacer = Pacer()
    pacer.stepped(10, 0.0)
    for step in range(1, 100):
        pacer.stepped(10, step * 0.1 + 0.01)
    assert pacer.wait_s(10, 9.91) == pytest.approx(0.09)


def test_a_long_sleep_is_not_caught_up_with() -> None:
    pacer = Pacer()
    pacer.stepped(10, 0.0)
    pacer.stepped(10, 60.0)
    assert pacer.wait_s(10, 60.0) == pytest.approx(0.1)


def test_the_measured_pace_is_of_the_last_seconds() -> None:
    pacer = Pacer()
    assert pacer.measured(0.0) == 0.0
    for step in range(50):
        pacer.stepped(5, step * 0.2)
    assert pacer.measured(9.8) == pytest.approx(5.0)
    assert pacer.measured(20.0) == 0.0
