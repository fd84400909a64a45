"""The learner goes on from its state as if never stopped, and comes back from broken weights."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest
import torch

from engine.learning.checkpoint import CheckpointError, load_policy, save_policy
from engine.learning.learner import AgentsLearner
from engine.learning.policy import Options, Policy
from engine.schemes import af_marl
from tests.engine.learning.conftest import SMALL, a_pair


def recorded(play, count: int, **raw) -> list:
    records: list = []
    player, _ = a_pair()
    player.explores = True
    play(player, count, records.append, **raw)
    return records


def fingerprint(learner) -> dict[str, bytes]:
    return {name: array.tobytes() for name, array in learner.state()["tensors"].items()}


@pytest.mark.parametrize(
    "switches",
    [{}, {"cvae": False, "aggregation": "async"}, {"forecast": "off", "aggregation": "sync"}],
)
def test_a_learner_resumed_equals_one_that_was_not_stopped(play, tmp_path: Path, switches) -> None:
    records = recorded(play, 19, vehicles=32, **switches)
    _, whole = a_pair()
    _, first = a_pair()
    _, second = a_pair()
    second._rng.random(99)
    told = [whole.learn(record) for record in records]
    for record in records[:12]:
        first.learn(record)
    save_policy(tmp_path / "x", first.state())
    second.restore(load_policy(tmp_path / "x"))
    rest = [second.learn(record) for record in records[12:]]
    assert rest == told[12:]
    assert fingerprint(second) == fingerprint(whole)
    assert fingerprint(first) != fingerprint(whole)
    assert second.exploration == whole.exploration
    tiers = {entry.tier for each in told for entry in each.rounds}
    assert tiers == ({"agents"} if "forecast" in switches else {"agents", "forecast"})


def test_each_loss_is_told_where_it_was_computed(play) -> None:
    _, learner = a_pair()
    names = set()
    for record in recorded(play, 16):
        learnt = learner.learn(record)
        assert all(np.isfinite(value) for value in learnt.losses.values())
        assert learnt.updated == ("critic" in learnt.losses)
        names |= set(learnt.losses)
    assert names == {
        "critic", "actor", "forecast", "cvae", "cvae_kl", "cvae_reconstruction",
    }  # fmt: skip


def test_aggregation_none_leaves_every_model_where_it_is(play) -> None:
    _, learner = a_pair()
    before = fingerprint(learner)
    told = [learner.learn(record) for record in recorded(play, 16, aggregation="none")]
    after = fingerprint(learner)
    assert not any(each.rounds for each in told)
    assert before["forecasts/forecast.cvae/models"] == after["forecasts/forecast.cvae/models"]
    assert before["actor.net.layers.0.weight"] != after["actor.net.layers.0.weight"]


def test_the_variant_that_is_off_rests(play) -> None:
    _, learner = a_pair()
    before = fingerprint(learner)
    for record in recorded(play, 16, cvae=False):
        learner.learn(record)
    after = fingerprint(learner)
    names = ("forecasts/forecast.cvae/models", "forecasts/forecast.plain/models")
    assert before[names[0]] == after[names[0]]
    assert before[names[1]] != after[names[1]]


def test_broken_weights_are_dropped_and_nothing_recorded_is_lost(play) -> None:
    _, learner = a_pair()
    records = recorded(play, 24)
    for record in records[:20]:
        learner.learn(record)
    good = {n: v.clone() for n, v in learner._good.networks.items()}
    added = learner.agents.transitions.replay._added.sum()
    with torch.no_grad():
        learner.agents.actor.net.layers[0].weight[0, 0, 0] = torch.nan
    learnt = learner.learn(records[20])
    assert not learnt.updated
    assert learnt.rounds == ()
    assert learnt.trouble.startswith("Learning went astray at step 20 (")
    assert learnt.trouble.endswith(".")
    assert all(np.isfinite(value) for value in learnt.losses.values())
    assert all(torch.equal(good[n], v) for n, v in learner.agents.tensors())
    assert learner.agents.transitions.replay._added.sum() > added
    after = [learner.learn(record) for record in records[21:]]
    assert all(each.updated and not each.trouble for each in after)
    save = learner.state()["tensors"].values()
    assert all(np.isfinite(array).all() for array in save)


def test_a_broken_forecast_is_dropped_too(play) -> None:
    _, learner = a_pair()
    records = recorded(play, 40)
    for record in records[:18]:
        learner.learn(record)
    adfl = learner._forecasts._variants[True]
    adfl.models[3] = torch.nan
    assert any(learner.learn(record).trouble for record in records[18:]), "the next round shows it"
    assert torch.isfinite(adfl.models).all()


def test_what_is_no_number_is_not_learnt_from(play) -> None:
    _, learner = a_pair()
    for record in recorded(play, 14, forecast="off"):
        tasks = record.tasks
        spoilt = dataclasses.replace(tasks, cost=np.where(tasks.vehicle % 2, np.nan, tasks.cost))
        assert not learner.learn(dataclasses.replace(record, tasks=spoilt)).trouble
    assert np.isfinite(learner.agents.transitions.replay._rows).all()


def test_steps_may_be_missing(play) -> None:
    _, learner = a_pair()
    records = recorded(play, 18)
    for record in records[::3]:
        learner.learn(record)
    rows = learner.agents.transitions.replay
    for one in range(4):
        assert not rows.contents(one)[:, -1].any()  # nothing is known to follow
    assert not learner._forecasts._samples.data._added.any()


def test_exploration_decays_with_episodes(play) -> None:
    player, learner = a_pair()
    start = learner.exploration.rate
    record = recorded(play, 2)[0]
    learner.learn(record)
    learner.end_episode()
    learner.end_episode()
    assert learner.exploration.rate == pytest.approx(0.99 * start)
    player.take(learner.weights())
    assert player.acting.exploration.rate == pytest.approx(0.99 * start)


def test_synchronous_learners_wait_for_those_without_a_client(play) -> None:
    waiting = dataclasses.replace(af_marl.ALGORITHM, aggregation="sync")
    policy = Policy.scratch(waiting, 0, Options(SMALL))
    learner, records = AgentsLearner(policy, np.random.default_rng(1)), recorded(play, 32)
    updates, waits, rounds = [], [], []
    for record in records:
        # One learner's vehicles are out of coverage until the 20th second.
        away = (record.vehicle % 4 == 2) & (record.step < 20)
        learnt = learner.learn(
            dataclasses.replace(record, serving=np.where(away, -1, record.serving), window=None)
        )
        updates += [record.step] if learnt.updated else []
        waits += [record.step] if learner.waits else []
        rounds += learnt.rounds
    first = updates[0]
    assert rounds[0].fired == ("time-out" if first < 5 else "all")
    assert rounds[0].t_s >= min(first + 15.0, 20.0)
    ended = int(rounds[0].t_s)
    assert waits[: ended - first] == list(range(first, ended))
    assert not [step for step in updates if first < step <= ended]
    assert ended + 1 in updates
    assert {each.fired for each in rounds[1:]} == {"all"}


def test_policies_of_another_kind_are_refused() -> None:
    _, learner = a_pair()
    policy = learner.policy()
    state = policy.state()
    cut = {**state["tensors"], "forecast.cvae": np.zeros(3, np.float32)}
    for broken, words in (
        ({**state, "scheme": "ddqn"}, "of the scheme ddqn"),
        ({"tensors": {}}, "another make"),
        ({**state, "tensors": cut}, "another make or size"),
        ({**state, "options": {}}, "another make or size"),
    ):
        with pytest.raises(CheckpointError, match=words):
            Policy.of(broken, af_marl.ALGORITHM)


def test_the_average_is_one_model_of_targets() -> None:
    _, learner = a_pair()
    with torch.no_grad():
        for index, (_, value) in enumerate(learner.agents.tensors()):
            value.add_(torch.arange(4).reshape(-1, *[1] * (value.dim() - 1)) + index)
    policy = learner.policy()
    averaged = policy.averaged()
    bias = "net.layers.0.bias"
    mean = policy.networks[f"actor_target.{bias}"].mean(dim=0, keepdim=True)
    assert torch.equal(averaged.networks[f"actor.{bias}"], mean)
    assert torch.equal(averaged.networks[f"actor_target.{bias}"], mean)
    _, again = a_pair(averaged)
    for name, value in again.agents.tensors():
        assert torch.equal(value, averaged.networks[name].expand_as(value))
