"""PPO: advantages, clipping, many learners as one, resuming, and that it learns."""

from __future__ import annotations

import dataclasses
import itertools

import numpy as np
import pytest
import torch
from gymnasium.spaces import Box
from stable_baselines3.common.buffers import RolloutBuffer

from engine.learning.experience import Experience, Tasks
from engine.learning.features import View
from engine.learning.ppo import Batch, Ppo, PpoActing, Settings, shuffled, surrogate
from engine.learning.rollout import gae
from engine.models.gaussian import LEAST_DEVIATION

STATE = 3
SMALL = Settings(
    learners=2, horizon=4, epochs=2, minibatches=2, learning_rate=1e-2, gamma=0.9, max_norm=10.0
)
A_DEAL = np.array([1.5, 0.5, 0.6, 0.03, -0.3, 0.0, 0.6, 0.3], np.float32)


def a_view(state: np.ndarray) -> View:
    rows = np.arange(len(state))
    return View(rows, rows, state.astype(np.float32), np.tile(A_DEAL, (len(state), 1)))


def an_experience(step: int, vehicle, state, rho, note, cost) -> Experience:
    none, count = np.zeros(0), len(vehicle)
    tasks = Tasks(
        vehicle=np.asarray(vehicle, np.int64),
        seat=np.zeros(count, np.int64),
        state=np.asarray(state, np.float32),
        deal=np.tile(A_DEAL, (count, 1)),
        note=np.asarray(note, np.float32),
        rho=np.asarray(rho, np.float64),
        cost=np.asarray(cost, np.float64),
        toll=np.zeros(count),
    )
    nobody = np.zeros(0, np.int64)
    return Experience(
        step=step, aggregation="sync", cvae=False, vehicle=nobody, slot=nobody, serving=nobody,
        cpu_hz=none, battery_j=none, position_m=np.zeros((0, 2)), velocity_mps=np.zeros((0, 2)),
        rate_bps=none, has_task=np.zeros(0, bool), late=none, energy=none,
        success=np.zeros(0, bool), last_wait_s=none, waits_known=False, window=None, tasks=tasks,
    )  # fmt: skip


def an_actor(agents: Ppo) -> PpoActing:
    acting = PpoActing.offloading(STATE, agents.settings)
    acting.take({name: value.numpy().copy() for name, value in agents.acting()})
    return acting


def played(
    agents: Ppo, step: int, vehicle, rng: np.random.Generator, cost=lambda state, rho: 2.0 - rho
) -> Experience:
    """A second in which these vehicles act on random states."""
    state = rng.random((len(vehicle), STATE)).astype(np.float32)
    acted = an_actor(agents).act(np.asarray(vehicle), a_view(state), rng)
    return an_experience(step, vehicle, state, acted.rho, acted.note, cost(state, acted.rho))


def fill(agents: Ppo, seed: int, steps: int, vehicle=range(10), start: int = 0, **more) -> None:
    rng = np.random.default_rng(seed)
    for step in range(start, start + steps):
        agents.take(played(agents, step, vehicle, rng, **more))


def weights(agents: Ppo) -> dict[str, torch.Tensor]:
    return {name: value.clone() for name, value in agents.tensors()}


def same(one: Ppo, other: Ppo) -> bool:
    others = weights(other)
    return all(torch.equal(value, others[name]) for name, value in one.tensors())


def test_advantages_are_those_worked_by_hand() -> None:
    """gamma 0.5, lambda 0.5: A_2 = 1 + 0.5 * 4 - 2 = 1; A_1 = 2 + 0.5 * 2 - 1 + 0.25 = 2.25."""
    reward, value = np.array([[2.0], [1.0]]), np.array([[1.0], [2.0]])
    after, goes_on = np.array([[2.0], [4.0]]), np.array([[True], [False]])
    assert gae(reward, value, after, goes_on, 0.5, 0.5) == pytest.approx(np.array([[2.25], [1.0]]))
    cut = gae(reward, value, after, np.zeros((2, 1), bool), 0.5, 0.5)
    assert cut == pytest.approx(np.array([[2.0], [1.0]]))


def test_advantages_are_those_of_stable_baselines() -> None:
    steps, envs = 12, 3
    rng = np.random.default_rng(0)
    reward, value = rng.normal(size=(2, steps, envs))
    last, starts = rng.normal(size=envs), rng.random((steps + 1, envs)) < 0.25
    space = Box(-1.0, 1.0, (1,))
    buffer = RolloutBuffer(steps, space, space, gae_lambda=0.9, gamma=0.8, n_envs=envs)
    for t in range(steps):
        nothing = np.zeros((envs, 1))
        told = torch.from_numpy(value[t])
        buffer.add(nothing, nothing, reward[t], starts[t], told, torch.zeros(envs))
    buffer.compute_returns_and_advantage(torch.from_numpy(last), starts[-1])
    goes_on = ~starts[1:]
    ahead = goes_on * np.vstack([value[1:], last])
    mine = gae(reward, value, ahead, goes_on, 0.8, 0.9)
    assert mine == pytest.approx(buffer.advantages, abs=1e-5)
    assert mine + value == pytest.approx(buffer.returns, abs=1e-5)


def test_a_rollout_follows_each_vehicle_until_it_has_no_task() -> None:
    """Vehicle 2 has tasks in seconds 0, 1 and 3, vehicle 4 throughout; second 4 is the last."""
    agents = Ppo.offloading(
        STATE, dataclasses.replace(SMALL, learners=1, reward="R2", decay=0.5), 0
    )
    rng = np.random.default_rng(0)
    there = [(2, 4), (2, 4), (4,), (2, 4), (2, 4)]
    for step, vehicle in enumerate(there):
        agents.take(played(agents, step, vehicle, rng))
    steps = agents.rollout.harvest(1, 1)
    assert steps.vehicle.tolist() == [2, 4, 2, 4, 4, 2, 4]
    assert steps.goes_on.tolist() == [1, 1, 0, 1, 1, 1, 1]
    value, after = np.arange(7.0), 10.0 + np.arange(7.0)
    told = steps.advantages(value, after, 0.9, 0.5)
    r = steps.reward.astype(float)
    second = r[2] - value[2]
    assert told[2] == pytest.approx(second)
    assert told[0] == pytest.approx(r[0] + 0.9 * after[0] - value[0] + 0.45 * second)
    assert told[5] == pytest.approx(r[5] + 0.9 * after[5] - value[5])  # from V of second 4
    fourth = r[4] + 0.9 * after[4] - value[4] + 0.45 * (r[6] + 0.9 * after[6] - value[6])
    assert told[4] == pytest.approx(fourth)


def test_a_missing_second_or_another_episode_ends_every_trajectory() -> None:
    for gap in (True, False):
        agents = Ppo.offloading(STATE, dataclasses.replace(SMALL, learners=1), 0)
        fill(agents, 0, 2, (3,))
        if not gap:
            agents.forget()
        fill(agents, 1, 2, (3,), start=5 if gap else 2)
        steps = agents.rollout.harvest(1, 1)
        assert steps.goes_on.tolist() == ([1, 0, 1] if gap else [1, 1])
        told = steps.advantages(np.zeros(len(steps.time)), np.zeros(len(steps.time)), 1.0, 1.0)
        first = steps.reward[:2].sum() if gap else steps.reward[0]  # the open one was dropped
        assert told[0] == pytest.approx(first)


def test_what_ended_takes_nothing_from_what_comes_after() -> None:
    agents = Ppo.offloading(STATE, dataclasses.replace(SMALL, learners=1), 0)
    fill(agents, 0, 3, (3,))
    steps = agents.rollout.harvest(1, 1)
    over = dataclasses.replace(steps, goes_on=np.array([0.0, 1.0], np.float32))
    told = over.advantages(np.ones(2), np.full(2, 5.0), 1.0, 1.0)
    assert told == pytest.approx(steps.reward - 1.0 + np.array([0.0, 5.0]))


def test_each_learners_advantages_have_mean_0_and_deviation_1() -> None:
    agents = Ppo.offloading(STATE, SMALL, 0)
    fill(agents, 0, 4, (0, 1, 3))
    steps = agents.rollout.harvest(2, 1)
    batch = agents.judged(steps)
    assert batch.counts.sum(dim=1).tolist() == [3.0, 6.0]
    seen = torch.from_numpy(steps.state), torch.from_numpy(steps.deal)
    for learner, rows in enumerate((3, 6)):
        own = batch.advantage[learner, :rows].double().numpy()
        assert own.mean() == pytest.approx(0.0, abs=1e-6)
        assert own.std(ddof=1) == pytest.approx(1.0, abs=1e-5)
        mine = torch.from_numpy(steps.vehicle % 2 == learner)
        assert torch.equal(batch.state[learner, :rows], seen[0][mine])


def test_the_surrogate_is_clipped_where_it_would_gain() -> None:
    ratio = torch.tensor([1.5, 1.5, 0.5, 0.5, 1.1], requires_grad=True)
    advantage = torch.tensor([2.0, -2.0, 2.0, -2.0, 2.0])
    gain = surrogate(ratio, advantage, 0.2)
    assert gain.tolist() == pytest.approx([2.4, -3.0, 1.0, -1.6, 2.2])
    (slope,) = torch.autograd.grad(gain.sum(), ratio)
    assert slope.tolist() == [0.0, -2.0, 2.0, 0.0, 2.0]


@pytest.mark.parametrize("split", [True, False])
def test_the_note_is_the_drawn_action_and_its_density(split: bool) -> None:
    agents = Ppo.offloading(STATE, dataclasses.replace(SMALL, split=split, deviation=0.3), 0)
    with torch.no_grad():
        dict(agents.tensors())["spread"][1] = np.log(0.7 - LEAST_DEVIATION)
    vehicle = np.arange(40)
    seen = a_view(np.random.default_rng(2).random((40, STATE)))
    acting = an_actor(agents)
    greedy = acting.act(vehicle, seen, None)
    acted = acting.act(vehicle, seen, np.random.default_rng(3))
    action, density = acted.note.astype(float).T
    scale = np.where(vehicle % 2 == 1, 0.7, 0.3)
    normal = np.exp(-0.5 * ((action - greedy.note[:, 0]) / scale) ** 2) / scale / np.sqrt(2 * np.pi)
    assert density == pytest.approx(np.log(normal), abs=1e-4)
    assert acted.rho == pytest.approx(np.where(action > 1.5e-3, action, 0.0).clip(0.0, 1.0))
    assert action.min() < 0.0
    assert greedy.rho == pytest.approx(greedy.note[:, 0])


def test_only_the_split_form_has_a_belief_and_its_reply_is_the_greedy_choice() -> None:
    seen = a_view(np.random.default_rng(2).random((6, STATE)))
    for split in (True, False):
        settings = dataclasses.replace(SMALL, split=split)
        acting = an_actor(Ppo.offloading(STATE, settings, 0))
        found = acting.believe(7, seen, 4, exploring=True)
        if not split:
            assert found is None
            continue
        _, reply = found
        assert reply == pytest.approx(acting.act(np.full(6, 7), seen, None).rho[4])


def test_it_updates_when_the_rollout_is_complete_and_not_before() -> None:
    agents, rng = Ppo.offloading(STATE, SMALL, 0), np.random.default_rng(1)
    fill(agents, 0, 4)  # what follows the fourth second is not known yet
    before = weights(agents)
    assert agents.update(rng) == {}
    assert all(torch.equal(before[name], value) for name, value in agents.tensors())
    fill(agents, 1, 1, start=4)
    told = agents.update(rng)
    assert set(told) == {"critic", "actor", "entropy", "kl"}
    assert told["kl"] >= 0.0
    assert agents.samples.tolist() == [20.0, 20.0]
    assert not any(torch.equal(before[name], value) for name, value in agents.tensors())
    fill(agents, 2, 3, start=5)
    assert agents.update(rng) == {}
    fill(agents, 3, 1, start=8)
    assert agents.update(rng)


def a_batch(rows: tuple[int, ...], seed: int, dtype=torch.float64) -> Batch:
    """Random rows, of each learner so many."""
    rng = np.random.default_rng(seed)
    shape = (len(rows), max(rows))
    draw = [torch.from_numpy(rng.normal(size=shape)).to(dtype) for _ in range(4)]
    return Batch(
        state=torch.from_numpy(rng.random((*shape, STATE))).to(dtype),
        deal=torch.from_numpy(np.tile(A_DEAL, (*shape, 1))).to(dtype),
        action=0.3 + 0.1 * draw[0],
        log_density=0.3 * draw[1],
        advantage=draw[2],
        wanted=draw[3],
        counts=torch.from_numpy(np.arange(shape[1]) < np.array(rows)[:, None]).to(dtype),
    )


def alone(batch: Batch, learner: int, rows: int) -> Batch:
    parts = {f.name: getattr(batch, f.name) for f in dataclasses.fields(batch)}
    return Batch(**{name: part[learner : learner + 1, :rows] for name, part in parts.items()})


@pytest.mark.parametrize("split", [True, False])
def test_many_learners_at_once_are_each_learner_alone(split: bool) -> None:
    """Also where a learner has fewer rows than another, and where it has none."""
    settings = dataclasses.replace(SMALL, split=split, max_norm=0.5, entropy=0.01)
    together = Ppo.offloading(STATE, settings, 3)
    together.networks.double()
    each = [Ppo.offloading(STATE, dataclasses.replace(settings, learners=1), 3) for _ in range(2)]
    for one in each:
        one.networks.double()
    for turn, rows in enumerate([(6, 9), (0, 7), (5, 0), (4, 4), (3, 8)]):
        batch = a_batch(rows, turn)
        together.improve(batch)
        for learner, one in enumerate(each):
            if rows[learner]:
                one.improve(alone(batch, learner, rows[learner]))
    for name, value in together.tensors():
        assert torch.allclose(value, torch.cat([weights(one)[name] for one in each]), atol=1e-12)


def test_a_step_is_that_of_torchs_adam() -> None:
    settings = dataclasses.replace(SMALL, learners=1, max_norm=0.5)
    agents, other = Ppo.offloading(STATE, settings, 3), Ppo.offloading(STATE, settings, 3)
    adam = torch.optim.Adam(other.networks.parameters(), lr=settings.learning_rate, eps=1e-5)
    for turn in range(5):
        batch = a_batch((8,), turn, torch.float32)
        agents.improve(batch)
        net = other.networks
        apart = net.log_density(batch.action, net.actor(batch.state, batch.deal))
        gain = surrogate((apart - batch.log_density).exp(), batch.advantage, 0.2).mean()
        error = ((net.value(batch.state, batch.deal) - batch.wanted) ** 2).mean()
        adam.zero_grad()
        (0.5 * error - gain).backward()
        torch.nn.utils.clip_grad_norm_(net.parameters(), 0.5)
        adam.step()
    for name, value in agents.tensors():
        assert torch.allclose(value, weights(other)[name], atol=1e-6), name


def test_learners_do_not_influence_each_other() -> None:
    one, other = Ppo.offloading(STATE, SMALL, 0), Ppo.offloading(STATE, SMALL, 0)
    rng = np.random.default_rng(0)
    for step in range(5):
        seen = played(one, step, range(10), rng)
        odd = seen.tasks.vehicle % 2 == 1
        one.take(seen)
        tasks = dataclasses.replace(seen.tasks, cost=np.where(odd, 9.0, seen.tasks.cost))
        other.take(dataclasses.replace(seen, tasks=tasks))
    for each in (one, other):
        assert each.update(np.random.default_rng(5))
    for name, value in one.tensors():
        assert torch.equal(value[0], weights(other)[name][0]), name
    assert not torch.equal(weights(one)["value.net.layers.0.bias"][1],
                           weights(other)["value.net.layers.0.bias"][1])  # fmt: skip


def test_a_learner_with_little_keeps_it_until_it_is_enough() -> None:
    """Vehicle 1 alone is of learner 1, and has a task in every second step."""
    agents, rng = Ppo.offloading(STATE, SMALL, 0), np.random.default_rng(0)
    before = weights(agents)
    for step in range(5):
        agents.take(played(agents, step, (0, 1, 2) if step % 2 == 0 else (0, 2), rng))
    assert agents.update(rng)
    assert agents.samples.tolist() == [8.0, 0.0]
    for name, value in agents.tensors():
        assert torch.equal(value[1], before[name][1]), name
        assert not torch.equal(value[0], before[name][0]), name
    for step in range(5, 9):
        agents.take(played(agents, step, (0, 1, 2) if step % 2 == 0 else (0, 2), rng))
    assert agents.update(rng)
    assert agents.samples.tolist() == [8.0, 4.0]


def test_every_row_is_in_one_minibatch_of_an_epoch() -> None:
    sizes = np.array([5, 0, 11])
    seen = [[], [], []]
    for places, own in shuffled(sizes, 3, np.random.default_rng(0)):
        for learner, rows in enumerate(seen):
            rows.append(places[learner][own[learner]].tolist())
    assert [sorted(itertools.chain(*rows)) for rows in seen] == [
        list(range(size)) for size in sizes
    ]
    assert [[len(part) for part in rows] for rows in seen] == [[1, 2, 2], [0, 0, 0], [3, 4, 4]]


@pytest.mark.parametrize("before", [3, 7])
def test_it_goes_on_from_a_checkpoint_as_if_never_interrupted(before: int) -> None:
    agents, resumed = Ppo.offloading(STATE, SMALL, 0), Ppo.offloading(STATE, SMALL, 1)
    rngs = [np.random.default_rng(4), np.random.default_rng(4)]

    def go_on(agents: Ppo, rng: np.random.Generator, start: int, steps: int) -> list[dict]:
        told = []
        for step in range(start, start + steps):
            agents.take(played(agents, step, range(7), rng))
            told.append(agents.update(rng))
        return told

    go_on(agents, rngs[0], 0, before)
    rngs[1].bit_generator.state = rngs[0].bit_generator.state
    with torch.no_grad():
        for name, value in resumed.tensors():
            value.copy_(weights(agents)[name])
    resumed.set_moments(agents.moments())
    resumed.restore_memory(agents.memory())
    told = go_on(agents, rngs[0], before, 8)
    assert sum(map(bool, told)) == 2
    assert go_on(resumed, rngs[1], before, 8) == told
    assert same(agents, resumed)
    assert resumed.samples.tolist() == agents.samples.tolist()


def test_moments_of_another_make_are_refused() -> None:
    agents = Ppo.offloading(STATE, SMALL, 0)
    fill(agents, 0, 5)
    agents.update(np.random.default_rng(0))
    moments = agents.moments()
    with pytest.raises(ValueError, match="shape"):
        agents.set_moments({k: v[:1] for k, v in moments.items()})
    with pytest.raises(KeyError):
        agents.set_moments({k: v for k, v in moments.items() if not k.endswith("exp_avg")})


@pytest.mark.parametrize("field", ["state", "deal", "note", "cost"])
def test_what_is_no_number_is_not_learnt_from(field: str) -> None:
    agents = Ppo.offloading(STATE, dataclasses.replace(SMALL, split=True), 0)
    rng = np.random.default_rng(0)
    for step in range(5):
        seen = played(agents, step, range(10), rng)
        getattr(seen.tasks, field)[3] = np.nan
        agents.take(seen)
    assert all(np.isfinite(list(agents.update(rng).values())))  # learner 1 has void rows besides
    assert agents.samples.tolist() == [20.0, 16.0]
    assert all(torch.isfinite(value).all() for _, value in agents.tensors())


@pytest.mark.parametrize("split", [True, False])
def test_actions_of_a_policy_long_gone_do_no_harm(split: bool) -> None:
    """The player's weights are older than the learner's: what it did may be next to impossible."""
    agents = Ppo.offloading(STATE, dataclasses.replace(SMALL, split=split), 0)
    for step in range(5):
        seen = played(agents, step, range(10), np.random.default_rng(step))
        seen.tasks.note[:5, 1] = [-1e3, -1e2, -10.0, 10.0, 1e3]
        agents.take(seen)
    with torch.no_grad():
        dict(agents.tensors())["spread"].fill_(-10.0)
    assert all(np.isfinite(list(agents.update(np.random.default_rng(0)).values())))
    assert all(torch.isfinite(value).all() for _, value in agents.tensors())


@pytest.mark.parametrize("split", [True, False])
def test_it_tells_a_crowded_queue_from_an_empty_one(split: bool) -> None:
    """State 1 is a server with a wait of half a second, state 0 one without."""
    settings = Settings(
        learners=2, split=split, gamma=0.0, horizon=1, learning_rate=3e-3, minibatches=4
    )
    agents, rng = Ppo.offloading(STATE, settings, 1), np.random.default_rng(2)

    def cost(state, rho):
        delay = np.maximum((1 - rho) * 0.5, rho * 0.6 + 0.03 + 0.5 * state[:, 0])
        return 1.5 + (delay - 0.5) / 0.6 - 0.3 * rho * (1.0 - state[:, 0])

    vehicle = np.arange(128)
    for step in range(25):
        state = np.zeros((128, STATE), np.float32)
        state[:, 0] = rng.random(128) < 0.5
        acted = an_actor(agents).act(vehicle, a_view(state), rng)
        seen = an_experience(step, vehicle, state, acted.rho, acted.note, cost(state, acted.rho))
        agents.take(seen)
        agents.update(rng)
    ends = np.zeros((4, STATE))
    ends[:2, 0] = 1.0
    greedy = an_actor(agents).act(np.arange(4), a_view(ends), None).rho
    assert (greedy[:2] < 0.15).all()
    assert (greedy[2:] > 0.3).all()


def test_nothing_is_drawn_from_the_global_generator() -> None:
    torch.manual_seed(0)
    one = Ppo.offloading(STATE, SMALL, 0)
    torch.manual_seed(1)
    assert same(one, Ppo.offloading(STATE, SMALL, 0))
