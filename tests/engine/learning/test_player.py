"""The player acts by what it was given, sees what the switches let it see, and tells its belief."""

from __future__ import annotations

import dataclasses
import pickle

import numpy as np
import pytest

from engine.learning.features import CONTEXT, OWN
from engine.learning.player import Player
from engine.learning.policy import Options, Policy
from engine.learning.td3 import Settings
from engine.schemes import af_marl
from engine.types import BY_RULE
from tests.engine.learning.conftest import a_pair


def seen_state(player: Player) -> np.ndarray:
    return player._last[0].view.state


def test_weights_carried_over_act_like_the_learner_itself(play) -> None:
    player, learner = a_pair()
    player.explores = True
    across = Player(Policy.scratch(af_marl.ALGORITHM, 5, learner.options), np.random.default_rng(7))

    windows = []

    def each(record) -> None:
        windows.append(record.window)
        learner.learn(pickle.loads(pickle.dumps(record)))
        weights = pickle.loads(pickle.dumps(dict(learner.weights())))
        player.take(weights)
        across.take(weights)

    told = play(player, 20, each)
    assert learner.agents.critic_optimiser.state
    # One that starts from the learner's policy has each RSU's mean model, so context is left out.
    anew = Player(learner.policy(), np.random.default_rng(3))
    for observation, _ in told[-3:]:
        for explores in (False, True):
            twin = dataclasses.replace(
                observation, params=dataclasses.replace(observation.params, forecast="off")
            )
            for one in (player, across, anew):
                one.explores = explores
                one.acting.exploration = dataclasses.replace(
                    player.acting.exploration, rate=0.0, deviation=0.0
                )
            rho = [one.act(twin).rho.tolist() for one in (player, across, anew)]
            assert rho[0] == rho[1] == rho[2]
    context = []
    for one in (player, across):
        one.outlook.foresight.window = windows[-1]
        context.append(one.outlook.foresight._predicted(told[-1][0]))
    assert context[0].any()
    assert context[0].tolist() == context[1].tolist()


def test_what_has_not_changed_is_not_sent_again(play) -> None:
    player, learner = a_pair()
    first = learner.weights()
    assert {name.partition(".")[0] for name in first} == {
        "actor", "actor_target", "exploration", "forecast",
    }  # fmt: skip
    assert learner.weights() == {}
    play(player, 1, learner.learn)
    assert learner.weights() == {}  # too early to have learnt anything


@pytest.mark.parametrize("twin", ["fresh", "stale", "off"])
def test_agents_see_as_much_of_the_twins_as_they_may(play, twin) -> None:
    player, _ = a_pair()
    states = []
    told = play(player, 8, lambda _: states.append(player.outlook.sight._held), agent_twin=twin)
    state = seen_state(player)
    observation = told[-1][0]
    decided = player.act(observation)
    if twin == "off":
        assert not state[:, OWN:-CONTEXT].any()
        assert (decided.target == BY_RULE).all()
    else:
        assert state[:, OWN:-CONTEXT].any()
        assert (decided.target != BY_RULE).any()
        ages = [told[t][0].rsus is states[t] for t in range(8)]
        every_fifth = [t % 5 == 0 for t in range(8)]
        assert ages == (every_fifth if twin == "stale" else [True] * 8)


def test_blind_agents_decide_alike_whatever_the_load(play) -> None:
    player, _ = a_pair()
    observation = play(player, 6, agent_twin="off", forecast="off")[-1][0]
    loaded = dataclasses.replace(
        observation.rsus, backlog_s=np.full(20, 9.0), requests=np.full(20, 99.0)
    )
    one = player.act(observation)
    other = player.act(dataclasses.replace(observation, rsus=loaded))
    assert one.rho.tolist() == other.rho.tolist()


def test_the_forecast_switch_sets_the_context_and_nothing_else(play) -> None:
    player, _ = a_pair()
    observation = play(player, 12)[-1][0]
    contexts, rest = {}, []
    for kind in ("transformer", "persistence", "off"):
        for cvae in (True, False):
            params = dataclasses.replace(observation.params, forecast=kind, cvae=cvae)
            player.act(dataclasses.replace(observation, params=params))
            state = seen_state(player)
            contexts[kind, cvae] = state[:, -CONTEXT:].tolist()
            rest.append(state[:, :-CONTEXT].tolist())
    assert all(each == rest[0] for each in rest)
    assert contexts["transformer", True] != contexts["transformer", False]
    assert contexts["persistence", True] == contexts["persistence", False]
    assert not np.any(contexts["off", True])
    waits = np.array(contexts["persistence", True])[:, 0]
    serving = observation.serving[player._last[0].view.row]
    assert waits == pytest.approx(6.0 * observation.rsus.last_wait_s[serving], rel=1e-5)


def test_one_model_for_all_predicts_as_the_same_at_every_rsu(play) -> None:
    player, learner = a_pair()
    observation = play(player, 12)[-1][0]
    shared = player.outlook.foresight._predicted(observation)
    player.take(learner.weights())
    assert shared[observation.has_task].any()
    assert not shared[~observation.has_task].any()
    assert player.outlook.foresight._predicted(observation) == pytest.approx(shared, abs=1e-5)


def test_it_tells_what_it_believed(play) -> None:
    player, _ = a_pair()
    observation, outcome = play(player, 12)[-1]
    with_task = int(np.flatnonzero(observation.has_task & (outcome.rho > 0.0))[0])
    vehicle = int(observation.vehicle[with_task])
    told = player.belief(vehicle)
    assert told["learner"] == vehicle % 4
    assert 0.0 <= told["idle"] <= 1.0
    assert told["mean_wait_s"] > 0.0
    assert told["toll"] > 0.0
    assert told["seat"] == outcome.target[with_task]
    assert 0.0 <= told["context"]["success"] <= 1.0
    assert told["context"]["wait_s"] >= 0.0
    without = int(observation.vehicle[~observation.has_task][0])
    assert player.belief(without) is None
    off = dataclasses.replace(observation.params, forecast="off")
    player.act(dataclasses.replace(observation, params=off))
    assert player.belief(vehicle)["context"] is None


def test_plain_actors_have_no_belief(play) -> None:
    plain = Options(Settings(split=False, learners=2))
    player = Player(Policy.scratch(af_marl.ALGORITHM, 0, plain), np.random.default_rng(0))
    observation = play(player, 2)[-1][0]
    assert player.belief(int(observation.vehicle[observation.has_task][0])) is None


def test_exploring_strays_and_playing_does_not(play) -> None:
    player, _ = a_pair()
    observation = play(player, 5, forecast="off")[-1][0]
    still = [player.act(observation).rho.tolist() for _ in range(2)]
    player.explores = True
    astray = [player.act(observation).rho.tolist() for _ in range(2)]
    assert still[0] == still[1]
    assert astray[0] != astray[1]


def test_an_experience_needs_an_act() -> None:
    player, _ = a_pair()
    with pytest.raises(RuntimeError, match="nothing was acted on"):
        player.experience(None)
