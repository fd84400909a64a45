"""Rewards, eq. (53), and the toll of MODEL A3.9 against hand-worked numbers."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.physics import reward


def test_forms_of_the_reward() -> None:
    cost, toll = np.array([2.0, 0.5]), np.array([0.5, 0.0])
    assert reward.inverse_cost(cost).tolist() == [0.5, 2.0]
    assert reward.negative_cost(cost).tolist() == [-2.0, -0.5]
    assert reward.inverse_social_cost(cost, toll).tolist() == [0.4, 2.0]
    assert reward.negative_social_cost(cost, toll).tolist() == [-2.5, -0.5]


def toll(server, arrival, wait, service, deadline, binds, cores=1):
    return reward.toll(
        np.array(server), np.array(arrival), np.array(wait), np.array(service),
        np.array(deadline), np.array(binds), cores,
    )  # fmt: skip


def test_toll_counts_those_behind_in_the_same_busy_period() -> None:
    # RSU 0: first at 0.1 no wait, then two that wait; a new busy period at 0.9. RSU 1: alone.
    x = toll(
        [0, 0, 0, 0, 1],
        [0.1, 0.2, 0.3, 0.9, 0.15],
        [0.0, 0.1, 0.2, 0.0, 0.0],
        [0.2, 0.2, 0.1, 0.1, 0.3],
        [0.5, 0.5, 0.25, 0.4, 0.4],
        [True, True, True, True, True],
    )
    # First: 0.2 x (1/0.5 + 1/0.25) = 1.2; second: 0.2 x 4 = 0.8; the others nobody.
    assert x == pytest.approx([1.2, 0.8, 0.0, 0.0, 0.0])


def test_toll_ignores_whose_own_share_takes_longer_anyway() -> None:
    x = toll([2, 2], [0.1, 0.2], [0.0, 0.1], [0.2, 0.2], [0.5, 0.5], [True, False])
    assert x.tolist() == [0.0, 0.0]


def test_toll_is_shared_by_the_cores() -> None:
    single = toll([0, 0], [0.1, 0.2], [0.0, 0.1], [0.2, 0.2], [0.5, 0.5], [True, True])
    double = toll([0, 0], [0.1, 0.2], [0.0, 0.1], [0.2, 0.2], [0.5, 0.5], [True, True], cores=2)
    assert (single / 2).tolist() == double.tolist()


def test_no_task_no_toll() -> None:
    assert len(toll([], [], [], [], [], [])) == 0


@given(data=st.data(), k=st.integers(1, 25))
def test_toll_equals_the_sum_by_definition(data: st.DataObject, k: int) -> None:
    def some(strategy: st.SearchStrategy) -> list:
        return data.draw(st.lists(strategy, min_size=k, max_size=k))

    server = some(st.integers(0, 2))
    arrival = data.draw(st.permutations([i / 30 for i in range(k)]))
    wait = some(st.sampled_from([0.0, 0.1, 0.4]))
    service, deadline = some(st.floats(0.01, 0.5)), some(st.floats(0.1, 1.0))
    binds = some(st.booleans())
    x = toll(server, arrival, wait, service, deadline, binds)
    for n in range(k):
        behind = sorted(
            (j for j in range(k) if server[j] == server[n] and arrival[j] > arrival[n]),
            key=lambda j: arrival[j],
        )
        harm = 0.0
        for j in behind:
            if wait[j] == 0.0:
                break
            harm += binds[j] / deadline[j]
        assert x[n] == pytest.approx(service[n] * harm, abs=1e-9)
