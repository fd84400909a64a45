"""Rules of a round, one by one, on seconds made by hand."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch

from engine.learning.adfl import Adfl, AdflOptions
from engine.learning.clients import model_bytes, turnaround
from engine.learning.experience import Experience, Tasks
from engine.learning.forecast import Forecaster
from engine.learning.memory import TOKEN, WIDTH, Datasets
from engine.learning.samples import Samples
from engine.models.transformer import WINDOW
from engine.rsus import lattice, mesh

N = 6
FORECASTER = Forecaster(0, cvae=False)
START = FORECASTER.start()
#: Trains for 0.5 s and 0.83 s; the second one's upload ends in the next second.
FAST_HZ, SLOW_HZ = 2.5e9, 1.5e9


def second(step: int, mode: str = "async", **changes) -> Experience:
    """Six standing vehicles at RSU 0, the last of them slow."""
    nothing = np.zeros(0)
    cpu_hz = np.full(N, FAST_HZ)
    cpu_hz[-1] = SLOW_HZ
    seen = Experience(
        step=step,
        aggregation=mode,
        cvae=False,
        vehicle=np.arange(N) + 100,
        slot=np.arange(N),
        serving=np.zeros(N, np.int64),
        cpu_hz=cpu_hz,
        battery_j=np.full(N, 1e6),
        position_m=np.repeat(lattice()[:1], N, axis=0),
        velocity_mps=np.zeros((N, 2)),
        rate_bps=np.full(N, 20e6),
        has_task=np.ones(N, bool),
        late=np.full(N, 0.5),
        energy=np.full(N, 0.5),
        success=np.ones(N, bool),
        last_wait_s=np.full(20, 0.1),
        waits_known=True,
        window=rows(0)[:, :-5],
        tasks=Tasks(
            *[np.zeros(0, np.int64)] * 2, *[np.zeros((0, 1), np.float32)] * 3, *[nothing] * 3
        ),
    )
    return dataclasses.replace(seen, **changes)


def rows(seed: int) -> np.ndarray:
    drawn = np.random.default_rng(seed).random((N, WIDTH), np.float32)
    drawn[:, WINDOW * TOKEN : WINDOW * TOKEN + WINDOW] = 0.0
    drawn[:, -2:] = 1.0
    return drawn


def federation(**options) -> tuple[Adfl, Datasets]:
    data = Datasets()
    for seed in range(10):
        data.add(np.arange(N), rows(seed))
    return Adfl(FORECASTER, START, mesh(), data, AdflOptions(**options), seed=0), data


def test_an_update_arrives_after_training_and_upload() -> None:
    adfl, _ = federation()
    adfl.learn(second(0))
    first = adfl.take_rounds()
    there_s = turnaround(np.array([FAST_HZ, SLOW_HZ]), np.full(2, 20e6), len(START))
    assert there_s[0] < 1.0 < there_s[1]
    assert [entry.vehicle for entry in first] == [(100 + i,) for i in range(N - 1)]
    assert [entry.t_s for entry in first] == pytest.approx([there_s[0]] * (N - 1))
    assert {entry.bytes for entry in first} == {2 * model_bytes(len(START))}
    adfl.learn(second(1))
    (late,) = adfl.take_rounds()
    assert late.vehicle == (105,)
    assert late.t_s == pytest.approx(there_s[1])


def test_a_late_update_weighs_less() -> None:
    adfl, _ = federation()
    for step in range(2):
        adfl.learn(second(step))
    rounds = adfl.take_rounds()
    assert [entry.staleness for entry in rounds] == [(float(i),) for i in range(N)]
    for entry in rounds:
        assert entry.weight[0] == pytest.approx(0.6 * (1.0 + entry.staleness[0]) ** -0.5)


def test_who_leaves_coverage_mid_round_is_lost_and_counted() -> None:
    adfl, _ = federation(pause_s=1.0)
    adfl.learn(second(0))
    gone = np.zeros(N, np.int64)
    gone[-1] = -1
    adfl.learn(second(1, serving=gone))
    rounds = adfl.take_rounds()
    assert all(105 not in entry.vehicle for entry in rounds)
    assert sum(entry.lost for entry in rounds) == 1


def test_who_is_handed_over_reports_to_the_new_rsu() -> None:
    adfl, _ = federation()
    adfl.learn(second(0))
    adfl.take_rounds()
    moved = np.zeros(N, np.int64)
    moved[-1] = 1
    adfl.learn(second(1, serving=moved))
    (entry,) = adfl.take_rounds()
    assert (entry.rsu, entry.vehicle) == (1, (105,))


@pytest.mark.parametrize("mode", ["semi", "sync", "async"])
def test_an_ineligible_client_has_no_influence(mode) -> None:
    models = []
    for wild in (False, True):
        adfl, data = federation()
        if wild:
            data.add(np.arange(1), 50.0 * rows(1)[:1])
        for step in range(4):
            weak = np.full(N, FAST_HZ)
            weak[0] = 1.4e9
            adfl.learn(second(step, mode, cpu_hz=weak))
        rounds = adfl.take_rounds()
        assert rounds
        assert all(100 not in entry.vehicle for entry in rounds)
        models.append(adfl.models)
    assert torch.equal(*models)


def test_the_modes_differ_in_when_they_merge_alone() -> None:
    """The same updates leave the same clients; only how they are gathered differs."""
    told = {}
    for mode in ("semi", "sync", "async", "none"):
        adfl, _ = federation()
        for step in range(3):
            adfl.learn(second(step, mode))
        told[mode] = [entry.vehicle for entry in adfl.take_rounds()]
    assert told["sync"] == [(100, 101, 102, 103, 104, 105)]
    assert told["semi"] == [(100, 101, 102, 103)]
    assert told["async"] == [(100 + i,) for i in range(N)]
    assert told["none"] == []


def test_one_aggregation_of_equal_models_changes_nothing() -> None:
    adfl, _ = federation(learning_rate=0.0)
    for step in range(3):
        adfl.learn(second(step, "semi"))
    assert adfl.take_rounds()
    assert torch.allclose(adfl.models, START.expand_as(adfl.models), atol=1e-6)


def test_only_so_many_train_at_once_and_who_waited_longest_is_first() -> None:
    adfl, _ = federation(most=2, pause_s=3.0)
    who = []
    for step in range(4):
        adfl.learn(second(step, cpu_hz=np.full(N, FAST_HZ)))
        who.append([entry.vehicle[0] for entry in adfl.take_rounds()])
    assert who == [[100, 101], [102, 103], [104, 105], [100, 101]]


def test_an_update_that_is_no_number_is_refused_and_counted() -> None:
    adfl, data = federation(pause_s=1.0)
    poison = rows(0)[:1]
    poison[:, 0] = np.nan
    data.add(np.arange(1), poison)
    for step in range(3):
        adfl.learn(second(step, "semi"))
    rounds = adfl.take_rounds()
    assert rounds
    assert all(100 not in entry.vehicle for entry in rounds)
    assert sum(entry.lost for entry in rounds) >= 1
    assert torch.isfinite(adfl.models).all()


def test_it_goes_on_where_it_was_saved() -> None:
    one, data = federation(pause_s=1.0)
    for step in range(2):
        one.learn(second(step, "semi"))
    told = one.state()
    other = Adfl(FORECASTER, START, mesh(), data, one.options, seed=9)
    other.restore(told)
    for adfl in (one, other):
        adfl.take_rounds()
        for step in range(2, 5):
            adfl.learn(second(step, "semi"))
    assert one.take_rounds() == other.take_rounds()
    assert torch.equal(one.models, other.models)


def test_samples_are_whole_only_if_the_next_second_was_seen() -> None:
    def sizes(*seconds: Experience) -> int:
        samples = Samples()
        for each in seconds:
            samples.take(each)
        return int(samples.data.sizes(np.arange(N)).sum())

    assert sizes(second(0), second(1)) == N
    assert sizes(second(0), second(2)) == 0  # a step was dropped
    assert sizes(second(0), second(1, waits_known=False)) == 0
    assert sizes(second(0), second(1, window=None)) == N
    fewer = {
        field.name: value[1:]
        for field in dataclasses.fields(Experience)
        if isinstance(value := getattr(second(1), field.name), np.ndarray) and len(value) == N
    }
    assert sizes(second(0), second(1, **fewer)) == N - 1  # one has left
    assert sizes(second(0), second(1), second(2, vehicle=np.arange(N) + 900)) == 0


def test_the_newest_samples_are_trained_on() -> None:
    data = Datasets()
    for seed in range(70):
        data.add(np.arange(N), rows(seed))
    taken = data.take(np.array([2]), 3)
    assert np.array_equal(taken[0], np.stack([rows(seed)[2] for seed in (69, 68, 67)]))


def test_another_episode_has_other_clients_and_another_clock() -> None:
    adfl, data = federation()
    for step in range(100, 103):
        adfl.learn(second(step))
    adfl.take_rounds()
    adfl.begin_episode()
    adfl.learn(second(0))
    again = adfl.take_rounds()
    assert [entry.vehicle for entry in again] == [(100 + i,) for i in range(N - 1)]
    assert all(entry.t_s < 1.0 for entry in again)
    assert sum(entry.lost for entry in again) == 0
    assert (data.sizes(np.arange(N)) == 10).all()
