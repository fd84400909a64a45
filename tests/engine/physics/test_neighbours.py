"""Who helps whom, MODEL A3.7."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.physics.neighbours import match, nobody


def test_the_nearest_pair_first_and_one_guest_a_helper() -> None:
    # Guests at 0 and 30 m, helpers at 50 and 180 m: the second guest is nearer to the first helper.
    position = np.array([[0.0, 0.0], [30.0, 0.0], [50.0, 0.0], [180.0, 0.0]])
    helpers = match(position, np.array([True, True, False, False]), np.ones(4))
    assert helpers.row.tolist() == [3, 2, -1, -1]
    assert helpers.distance_m.tolist() == [180.0, 20.0, np.inf, np.inf]
    assert helpers.expected_bps.tolist() == [50e6, 50e6, 0.0, 0.0]


def test_nobody_helps_from_afar() -> None:
    position = np.array([[0.0, 0.0], [200.1, 0.0]])
    assert match(position, np.array([True, False]), np.ones(2)).row.tolist() == [-1, -1]


@pytest.mark.parametrize("n", [0, 1, 3])
def test_without_idle_vehicles_there_is_no_helper(n: int) -> None:
    helpers = match(np.zeros((n, 2)), np.ones(n, bool), np.ones(n))
    assert helpers.row.tolist() == nobody(n).row.tolist()


@given(seed=st.integers(0, 10_000), n=st.integers(2, 60))
def test_pairs_are_mutual_and_no_free_pair_is_left(seed: int, n: int) -> None:
    rng = np.random.default_rng(seed)
    position, busy = rng.uniform(0.0, 600.0, (n, 2)), rng.random(n) < 0.5
    helpers = match(position, busy, np.ones(n))
    guests = np.flatnonzero(helpers.row >= 0)
    hosts = helpers.row[guests]
    assert len(set(hosts.tolist())) == len(hosts)
    assert busy[guests].all()
    assert not busy[hosts].any()
    far = np.linalg.norm(position[:, None] - position[None], axis=2)
    assert helpers.distance_m[guests] == pytest.approx(far[guests, hosts])
    alone = np.flatnonzero(busy & (helpers.row < 0))
    free = np.setdiff1d(np.flatnonzero(~busy), hosts)
    assert (far[np.ix_(alone, free)] > 200.0).all()
