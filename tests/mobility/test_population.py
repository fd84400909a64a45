"""Who is added, removed and sent on, without a simulator."""

from __future__ import annotations

import numpy as np

from engine.mobility.population import MOST_NEW_PER_STEP, NEAR_END_M, Population

SHARE = np.array([0.5, 0.25, 0.25])


def population() -> Population:
    return Population(np.random.default_rng(1), SHARE)


def everywhere(there: Population) -> np.ndarray:
    return np.ones(len(there.vehicle), np.bool_)


def test_a_density_is_reached_by_a_few_vehicles_at_a_time() -> None:
    there = population()
    sizes = []
    for _ in range(4):
        there.orders(100, everywhere(there))
        sizes.append(len(there.vehicle))
    assert sizes == [MOST_NEW_PER_STEP, 2 * MOST_NEW_PER_STEP, 100, 100]


def test_the_surplus_leaves_at_once_newest_first() -> None:
    there = population()
    there.orders(30, everywhere(there))
    orders = there.orders(12, everywhere(there))
    assert orders.remove.tolist() == list(range(12, 30))
    assert there.vehicle.tolist() == list(range(12))
    assert there.orders(13, everywhere(there)).add.tolist() == [30]


def test_a_vehicle_that_vanished_is_replaced_by_a_new_one() -> None:
    there = population()
    there.orders(5, everywhere(there))
    there.observe(np.array([0, 1, 3, 4]), np.zeros(4))
    orders = there.orders(5, everywhere(there))
    assert orders.add.tolist() == [5]
    assert there.vehicle.tolist() == [0, 1, 3, 4, 5]


def test_a_vehicle_near_the_end_of_its_trip_is_sent_on() -> None:
    there = population()
    there.orders(2, everywhere(there))
    assert there.orders(2, everywhere(there)).ask.tolist() == [0, 1]
    there.answered(np.array([0, 1]), np.array([NEAR_END_M + 15.0, 500.0]))
    assert len(there.orders(2, everywhere(there)).retarget) == 0
    there.observe(np.array([0, 1]), np.array([10.0, 10.0]))
    there.observe(np.array([0, 1]), np.array([10.0, 10.0]))
    orders = there.orders(2, everywhere(there))
    assert orders.retarget.tolist() == [0]
    assert orders.ask.tolist() == [0]
    assert orders.ask_to.tolist() == orders.retarget_to.tolist()


def test_a_refused_destination_is_drawn_anew() -> None:
    there = population()
    there.orders(1, everywhere(there))
    there.answered(np.array([0]), np.array([-(2.0**30)]))
    assert there.orders(1, everywhere(there)).retarget.tolist() == [0]


def test_vehicles_without_a_place_are_left_alone() -> None:
    there = population()
    there.orders(2, everywhere(there))
    orders = there.orders(2, np.array([False, True]))
    assert orders.ask.tolist() == [1]


def test_answers_for_vehicles_that_left_are_passed_over() -> None:
    there = population()
    there.orders(3, everywhere(there))
    there.observe(np.array([0, 2]), np.zeros(2))
    there.answered(np.array([0, 1, 2]), np.array([1000.0, 2000.0, 3000.0]))
    assert len(there.orders(2, everywhere(there)).ask) == 0


def test_roads_are_drawn_by_their_share() -> None:
    there = population()
    drawn = np.concatenate([there.orders(4000, everywhere(there)).add_from for _ in range(100)])
    assert np.allclose(np.bincount(drawn) / len(drawn), SHARE, atol=0.03)
