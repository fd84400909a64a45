"""Sessions and tasks, MODEL A3.2."""

import numpy as np
import pytest

from engine.params import MAX_VEHICLES, Params
from engine.tasks import Tasks, TaskSource

N = MAX_VEHICLES
SLOT = np.arange(N)
CPU = np.full(N, 2e9)


def steps(params: Params, count: int, n: int = N, seed: int = 0) -> list[Tasks]:
    source = TaskSource(seed)
    fresh = [np.full(n, t == 0) for t in range(count)]
    return [source.step(params, SLOT[:n], f, SLOT[:n], CPU[:n]) for f in fresh]


@pytest.mark.parametrize("rate", [0.2, 0.5, 0.9])
def test_the_rate_holds_from_the_first_step_on(rate: float) -> None:
    share = [tasks.has_task.mean() for tasks in steps(Params(task_rate=rate), 40)]
    assert share[0] == pytest.approx(rate, abs=0.04)
    assert np.mean(share) == pytest.approx(rate, abs=0.02)


def test_sessions_last_ten_seconds() -> None:
    on = np.stack([tasks.has_task for tasks in steps(Params(), 200)])
    ends = (on[:-1] & ~on[1:]).sum()
    assert on[:-1].sum() / ends == pytest.approx(10.0, rel=0.05)  # 1 / (2 b (1 - lambda))


def test_values_fill_the_ranges_of_the_sliders() -> None:
    params = Params(task_size=(1.0, 2.0), task_cycles=(0.5, 0.7), deadline=(0.2, 0.9))
    tasks = steps(params, 1)[0]
    assert 8e6 <= tasks.data_bits.min() <= tasks.data_bits.max() <= 16e6
    assert 0.5e9 <= tasks.cycles.min() <= tasks.cycles.max() <= 0.7e9
    assert 0.2 <= tasks.deadline_s.min() <= tasks.deadline_s.max() <= 0.9
    assert 0.0 <= tasks.phase_s.min() <= tasks.phase_s.max() < 1.0


def test_deadlines_of_the_default() -> None:
    cpu_hz = np.random.default_rng(0).uniform(1.5e9, 2.5e9, N)
    deadline = TaskSource(0).step(Params(), SLOT, SLOT >= 0, SLOT, cpu_hz).deadline_s
    assert np.median(deadline) == pytest.approx(0.69, abs=0.02)
    assert (1 / deadline).mean() == pytest.approx(1.62, abs=0.05)
    uniform = steps(Params(deadline_rule="uniform"), 1)[0].deadline_s
    assert np.median(uniform) == pytest.approx(0.55, abs=0.02)
    assert (steps(Params(deadline=(0.5, 0.5)), 1)[0].deadline_s == 0.5).all()


def test_fewer_vehicles_do_not_change_the_luck_of_the_others() -> None:
    many, few = steps(Params(), 5), steps(Params(), 5, n=100)
    for all_tasks, some in zip(many, few, strict=True):
        assert all_tasks.has_task[:100].tolist() == some.has_task.tolist()
        assert all_tasks.cycles[:100].tolist() == some.cycles.tolist()


def test_applications_differ_between_vehicles() -> None:
    runs = steps(Params(applications="classes"), 60, n=300)
    size = np.stack([tasks.data_bits for tasks in runs])
    cycles = np.stack([tasks.cycles for tasks in runs])
    plain = np.stack([tasks.data_bits for tasks in steps(Params(), 60, n=300)])
    # Means of a vehicle spread far more than with one application for all.
    assert size.mean(axis=0).std() > 3 * plain.mean(axis=0).std()
    # Small goes with quick: one class sets both.
    assert np.corrcoef(size.ravel(), cycles.ravel())[0, 1] > 0.5
    assert 4e6 <= size.min() <= size.max() <= 16e6
