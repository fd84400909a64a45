"""MADDPG's updates: whom the critic sees, whose actors targets ask, and that it learns."""

from __future__ import annotations

import copy
import dataclasses

import numpy as np
import pytest
import torch
from torch import nn

from engine.learning.acting import ActorActing
from engine.learning.experience import Experience, Tasks
from engine.learning.exploration import Exploration
from engine.learning.features import CONTEXT, STATE, View
from engine.learning.joint import CROWD, Columns, JointTransitions
from engine.learning.maddpg import PERSONAL, Maddpg, Settings
from engine.learning.player import Player
from engine.models.actor_critic import Actor, Critic
from engine.models.layers import generator
from tests.engine.learning.conftest import a_pair

WIDE = STATE + CONTEXT
A_DEAL = np.array([1.5, 0.5, 0.6, 0.03, -0.3, 0.0, 0.6, 0.3], np.float32)


def a_step(step: int, vehicle: list[int], seat: list[int], **told) -> Experience:
    """A second in which these vehicles, on a line by their number, have tasks."""
    k = len(vehicle)
    nothing, none = np.zeros(k), np.zeros(k, bool)
    tasks = {
        "state": np.zeros((k, WIDE), np.float32), "deal": np.tile(A_DEAL, (k, 1)),
        "rho": np.full(k, 0.5), "cost": np.ones(k), "toll": nothing,
        "note": np.zeros((k, 0), np.float32),
    }  # fmt: skip
    who = np.array(vehicle, np.int64)
    return Experience(
        step=step, aggregation="async", cvae=False, vehicle=who, slot=who, serving=who,
        cpu_hz=nothing, battery_j=nothing, position_m=np.stack([10.0 * who, nothing], axis=1),
        velocity_mps=np.zeros((k, 2)), rate_bps=nothing, has_task=~none, late=nothing,
        energy=nothing, success=none, last_wait_s=nothing, waits_known=True, window=None,
        tasks=Tasks(vehicle=who, seat=np.array(seat, np.int64), **{**tasks, **told}),
    )  # fmt: skip


def acting_of(settings: Settings, exploration: Exploration) -> ActorActing:
    return ActorActing(WIDE, settings.learners, exploration, split=settings.split)


def states(*first: float) -> np.ndarray:
    """States that differ in their first column."""
    told = np.zeros((len(first), WIDE), np.float32)
    told[:, 0] = first
    return told


def transitions(**changes) -> JointTransitions:
    fields = {"state": WIDE, "deal": 8, "personal": (0,), "neighbours": 2, "ahead": True}
    columns = Columns(**{**fields, **changes})
    return JointTransitions(columns, learners=4, capacity=50, kind="R2")


def stored(kept: JointTransitions, learner: int):
    return kept._columns.take(torch.from_numpy(kept.replay.contents(learner)))


def test_a_row_holds_the_neighbours_of_both_seconds() -> None:
    kept = transitions()
    kept.take(
        a_step(
            4, [0, 1, 2, 7], [5, 5, 5, 5], state=states(0.1, 0.2, 0.3, 0.4),
            rho=np.array([0.6, 0.7, 0.8, 0.9]), cost=np.array([2.0, 3.0, 4.0, 5.0]),
        )
    )  # fmt: skip
    assert kept.replay.sizes.sum() == 0, "the end is not known yet"
    kept.take(a_step(5, [0, 2, 7], [5, 6, 5], state=states(1.1, 1.2, 1.3)))
    row = stored(kept, 0)
    assert row.state[0, 0] == torch.tensor(0.1)
    assert (row.action.item(), row.reward.item()) == pytest.approx((0.6, -2.0))
    # s_j, a_j and presence of vehicles 1 and 2, the nearer of three contenders.
    expected = [0.2, 0.7, 1.0, 0.3, 0.8, 1.0, 3.0 / CROWD]
    assert row.others[0].tolist() == pytest.approx(expected)
    assert row.then.goes_on.item() == 1.0
    assert row.then.state[0, 0] == torch.tensor(1.1)
    assert row.then.deal[0].tolist() == pytest.approx(A_DEAL.tolist())
    near, nobody = row.then.met[0]
    assert near.tolist() == pytest.approx([1.3, *A_DEAL, 4.0]), "vehicle 7 is of learner 3"
    assert not nobody.any()
    assert row.then.crowd.item() == pytest.approx(1.0 / CROWD)
    ended = stored(kept, 1)
    assert ended.then.goes_on.item() == 0.0
    assert (ended.then.deal == 1.0).all()
    assert not ended.then.met.any()


def test_after_a_gap_or_another_episode_nothing_follows() -> None:
    kept = transitions()
    kept.take(a_step(4, [0], [5]))
    kept.take(a_step(6, [0], [5]))
    assert stored(kept, 0).then.goes_on.tolist() == [0.0]
    kept.forget()
    kept.take(a_step(7, [0], [5]))
    assert len(kept.replay.contents(0)) == 1
    kept.take(a_step(8, [], []))
    assert stored(kept, 0).then.goes_on.tolist() == [0.0, 0.0]


def test_without_a_future_a_step_is_stored_at_once_and_its_end_is_not() -> None:
    kept = transitions(ahead=False)
    kept.take(a_step(4, [0, 1], [5, 5], state=states(0.1, 0.2)))
    row = stored(kept, 1)
    assert row.then is None
    assert row.others[0, :3].tolist() == pytest.approx([0.1, 0.5, 1.0])
    assert kept._columns.width < transitions()._columns.width / 1.8


@pytest.mark.parametrize("ahead", [True, False])
@pytest.mark.parametrize("broken", ["state", "rho", "cost"])
def test_what_is_no_number_is_not_learnt_from(ahead: bool, broken: str) -> None:
    kept = transitions(ahead=ahead)
    step = a_step(4, [0, 1, 2], [5, 5, 5])
    bad = np.array(getattr(step.tasks, broken))
    bad[1] = np.nan
    kept.take(dataclasses.replace(step, tasks=dataclasses.replace(step.tasks, **{broken: bad})))
    kept.take(a_step(5, [0, 1, 2], [5, 5, 5], state=states(1.0, np.nan, 1.0)))
    kept.take(a_step(6, [], []))
    assert kept.replay.sizes.tolist() == [2, 0, 2, 0]
    assert all(np.isfinite(kept.replay.contents(learner)).all() for learner in range(4))
    here = stored(kept, 0).others.view(2, -1)[:, [2, 5]]
    assert here.tolist() == [[1.0, 0.0], [1.0, 0.0]], "nor is it anybody's neighbour"


def test_contenders_see_the_same_but_for_their_personal_columns(play) -> None:
    views = []
    player, _ = a_pair()

    class Watching(Player):
        def experience(self, outcome):
            views.append(self._last[0].view)
            return super().experience(outcome)

    player.__class__ = Watching
    play(player, 12, lambda _: None, vehicles=120)
    shared = np.setdiff1d(np.arange(WIDE), PERSONAL)
    pairs, told = 0, set()
    for seen in views:
        for seat in np.unique(seen.seat):
            together = seen.state[seen.seat == seat]
            assert (together[:, shared] == together[0, shared]).all()
            told |= set(np.flatnonzero((together != together[0]).any(axis=0)))
            pairs += len(together) - 1
    assert pairs > 50
    assert set(range(6)) <= told


# ---- The core, on networks of one hidden path whose values can be worked out by hand ----

#: s = (own, RSU), of which the first is personal; K = 2.
TINY = Columns(state=2, deal=0, personal=(0,), neighbours=2, ahead=True)
#: By what the critic's input is summed: s, others (s_j, a_j, presence)x2 and crowd, own a.
SUM = [1.0, 2.0, 100.0, 1000.0, 5.0, 1e4, 1e5, 7.0, 3.0, 10.0]


def tiny(learners: int = 3, columns: Columns = TINY, seed: int = 0, **changes) -> Maddpg:
    settings = Settings(learners=learners, neighbours=columns.neighbours, gamma=0.5, **changes)
    draw = generator(seed)
    actors = [Actor(columns.state, draw, split=False) for _ in range(learners)]
    critics = [Critic(columns.state + columns.others, draw, split=False) for _ in range(learners)]
    return Maddpg(actors, critics, columns, settings)


@torch.no_grad()
def make_linear(network: nn.Module, learner: int, sums: list[float], bias: float = 0.0) -> None:
    """Let this learner's network be `bias` + relu(sum of its weighted inputs)."""
    layers = network.net.layers
    for layer in layers:
        layer.weight[learner] = 0.0
        layer.bias[learner] = 0.0
    layers[0].weight[learner, :, 0] = torch.tensor(sums)
    layers[1].weight[learner, 0, 0] = 1.0
    layers[2].weight[learner, 0, 0] = 1.0
    layers[2].bias[learner] = bias


def by_hand() -> Maddpg:
    """Learner g's target actor says (1 + tanh(own s_0 + RSU s_1 - g)) / 2."""
    learner = tiny()
    for g in range(3):
        make_linear(learner.critic_target, g, SUM)
        make_linear(learner.actor_target, g, [1.0, 1.0], -float(g))
    return learner


def rho(u: float) -> float:
    return float(0.5 * (1.0 + np.tanh(u)))


def then_row(met: list[list[float]], crowd: float, goes_on: float = 1.0) -> torch.Tensor:
    flat = [value for one in met for value in one]
    return torch.tensor([0.0] * 3 + [4.0] + [0.0] * 7 + [0.3, 0.2, *flat, crowd, goes_on])


def test_a_neighbours_action_in_the_target_is_its_own_learners() -> None:
    learner = by_hand()
    # Everybody is at (0.3, 0.2); one meets a vehicle of learner 2 at 0.6 and one of learner 1.
    row = then_row([[0.6, 3.0], [0.9, 2.0]], 0.2)
    batch = learner.columns.take(row.expand(3, 1, -1))
    target = learner.target_value(batch.reward, batch.then)
    for g in range(3):
        theirs = 100 * 0.6 + 1000 * rho(0.8 - 2) + 5 + 1e4 * 0.9 + 1e5 * rho(1.1 - 1) + 7
        ahead = 0.3 + 2 * 0.2 + theirs + 3 * 0.2 + 10 * rho(0.5 - g)
        assert target[g].item() == pytest.approx(4.0 + 0.5 * ahead, rel=1e-5)


def test_a_lone_agents_target_is_ddpgs() -> None:
    learner = by_hand()
    row = then_row([[0.0, 0.0], [0.0, 0.0]], 0.0)
    batch = learner.columns.take(row.expand(3, 1, -1))
    target = learner.target_value(batch.reward, batch.then)
    for g in range(3):
        expected = 4.0 + 0.5 * (0.3 + 2 * 0.2 + 10 * rho(0.5 - g))
        assert target[g].item() == pytest.approx(expected, rel=1e-5)
    ended = learner.columns.take(then_row([[0.0, 0.0]] * 2, 0.0, 0.0).expand(3, 1, -1))
    assert (learner.target_value(ended.reward, ended.then) == 4.0).all()


def random_rows(columns: Columns, learners: int, count: int, seed: int = 0) -> torch.Tensor:
    rng = np.random.default_rng(seed)
    rows = rng.random((learners, count, columns.width)).astype(np.float32) * 0.5 + 0.25
    if columns.ahead:
        rows[..., -1] = rng.random((learners, count)) < 0.7
        start = columns.width - columns.then + columns.state + columns.deal
        for k in range(columns.neighbours):
            whose = rng.integers(0, learners + 1, (learners, count))
            rows[..., start + (k + 1) * columns.met - 1] = whose
    return torch.from_numpy(rows)


ALONE = Columns(state=3, deal=0, personal=(), neighbours=0, ahead=True)


class Ddpg:
    """Lillicrap et al. (2015) for one learner, as anybody would write it."""

    def __init__(self, like: Maddpg, g: int) -> None:
        self.nets = {}
        for name in ("actor", "critic", "actor_target", "critic_target"):
            layers = getattr(like, name).net.layers
            parts = []
            for layer in layers:
                linear = nn.Linear(*layer.weight.shape[1:])
                linear.weight.data = layer.weight[g].detach().T.clone()
                linear.bias.data = layer.bias[g].detach().clone()
                parts += [linear, nn.ReLU()]
            self.nets[name] = nn.Sequential(*parts[:-1])
        adam = torch.optim.Adam
        self.rates = like.settings
        self.critic_adam = adam(self.nets["critic"].parameters(), lr=like.settings.learning_rate)
        self.actor_adam = adam(self.nets["actor"].parameters(), lr=like.settings.actor_rate)

    def mu(self, s: torch.Tensor, kind: str = "") -> torch.Tensor:
        return 0.5 * (1.0 + torch.tanh(self.nets[f"actor{kind}"](s)))

    def q(self, s: torch.Tensor, a: torch.Tensor, kind: str = "") -> torch.Tensor:
        return self.nets[f"critic{kind}"](torch.cat([s, a], dim=1))

    def update(self, s, a, r, s2, goes_on) -> None:
        with torch.no_grad():
            y = r + 0.5 * goes_on * self.q(s2, self.mu(s2, "_target"), "_target")
        self.critic_adam.zero_grad()
        nn.functional.mse_loss(self.q(s, a), y).backward()
        self.critic_adam.step()
        self.actor_adam.zero_grad()
        strain = (self.nets["actor"](s) ** 2).mean()
        (self.rates.strain * strain - self.q(s, self.mu(s)).mean()).backward()
        self.actor_adam.step()
        tau = self.rates.soft_update
        for name in ("actor", "critic"):
            nets = self.nets[f"{name}_target"], self.nets[name]
            for slow, fast in zip(*(net.parameters() for net in nets), strict=True):
                slow.data.mul_(1.0 - tau).add_(tau * fast.data)


def test_without_neighbours_many_learners_are_each_a_ddpg() -> None:
    together = tiny(columns=ALONE, learning_rate=3e-3, soft_update=0.1)
    alone = [Ddpg(together, g) for g in range(3)]
    for turn in range(5):
        rows = random_rows(ALONE, 3, 16, turn)
        together.improve(rows)
        for g, one in enumerate(alone):
            s, a, r, s2, on = torch.split(rows[g], [3, 1, 1, 3, 1], dim=1)
            one.update(s, a, r, s2, on)
    for name in ("actor", "critic", "actor_target", "critic_target"):
        for i, layer in enumerate(getattr(together, name).net.layers):
            for g, one in enumerate(alone):
                theirs = one.nets[name][2 * i]
                assert torch.allclose(layer.weight[g], theirs.weight.T, atol=2e-5), (name, i)
                assert torch.allclose(layer.bias[g], theirs.bias, atol=2e-5), (name, i)


def test_learners_touch_one_another_only_as_recorded_neighbours() -> None:
    rows = random_rows(TINY, 3, 8)
    start = TINY.width - TINY.then + TINY.state
    rows[0, :, start + TINY.met - 1] = 2.0  # learner 0 met one of learner 1 ...
    rows[0, :, start + 2 * TINY.met - 1] = 0.0
    rows[2, :, [start + TINY.met - 1, start + 2 * TINY.met - 1]] = 1.0  # ... and 2 two of 0
    rows[..., -1] = 1.0
    usual, other_rows, other_actor = tiny(), tiny(), tiny()
    changed = rows.clone()
    changed[1] = random_rows(TINY, 3, 8, 5)[1]
    with torch.no_grad():
        other_actor.actor_target.net.layers[-1].bias[1] += 1.0
    usual.improve(rows)
    other_rows.improve(changed)
    other_actor.improve(rows)
    for network in ("actor", "critic"):
        for name, value in getattr(usual, network).named_parameters():
            same = dict(getattr(other_rows, network).named_parameters())[name]
            assert torch.equal(value[[0, 2]], same[[0, 2]]), name
            assert torch.equal(
                value[2], dict(getattr(other_actor, network).named_parameters())[name][2]
            )
    value = usual.critic.net.layers[0].weight[0]
    assert not torch.equal(value, other_actor.critic.net.layers[0].weight[0])


@pytest.mark.parametrize("split", [True, False])
def test_without_a_future_targets_are_rewards_and_no_target_network_is_asked(split: bool) -> None:
    learner = Maddpg.offloading(WIDE, Settings(learners=2, gamma=0.0, split=split), seed=0)
    with torch.no_grad():
        for network in (learner.actor_target, learner.critic_target):
            for value in network.parameters():
                value.fill_(torch.nan)
    learner.improve(random_rows(learner.columns, 2, 8))
    assert all(torch.isfinite(v).all() for k, v in learner.tensors() if "_target" not in k)


def test_the_actors_step_moves_no_critic() -> None:
    learner = tiny(learning_rate=0.0)
    before = copy.deepcopy(learner.state_dict())
    learner.improve(random_rows(TINY, 3, 8))
    after = learner.state_dict()
    assert all(torch.equal(before[k], v) for k, v in after.items() if k.startswith("critic."))
    assert not torch.equal(before["actor.net.layers.0.weight"], after["actor.net.layers.0.weight"])


def test_rates_keep_their_proportion() -> None:
    def moved(rate: float) -> tuple[float, float]:
        learner = tiny(learning_rate=1e-3, actor_rate=1e-4)
        learner.set_rate(rate)
        before = copy.deepcopy(learner.state_dict())
        learner.improve(random_rows(TINY, 3, 8))
        name = "net.layers.2.bias"
        return tuple(
            (learner.state_dict()[f"{n}.{name}"] - before[f"{n}.{name}"]).abs().max().item()
            for n in ("critic", "actor")
        )

    assert moved(2e-3) == pytest.approx((2e-3, 2e-4), rel=1e-2)


# ---- The two halves as a scheme uses them ----

FEW = Settings(learners=4, batch=32, warm_up=16, updates=1, capacity=400)


def tensors(agents: Maddpg) -> dict[str, torch.Tensor]:
    return {name: value.clone() for name, value in agents.tensors()}


def a_city(step: int, rng: np.random.Generator, rho_of=None) -> Experience:
    """Eight vehicles at three RSUs, one of which is crowded; some have no task."""
    has = np.sort(rng.permutation(8)[: rng.integers(6, 9)])
    seat = np.array([0, 0, 0, 0, 0, 1, 1, 2])[has]
    state = rng.normal(size=(len(has), WIDE)).astype(np.float32)
    share = rng.random(len(has)) if rho_of is None else rho_of(has, state)
    return a_step(step, has.tolist(), seat.tolist(), state=state, rho=share, cost=1.0 + share)


@pytest.mark.parametrize("split", [True, False])
@pytest.mark.parametrize("gamma", [0.0, 0.9])
def test_it_goes_on_as_if_never_interrupted(split: bool, gamma: float) -> None:
    settings = dataclasses.replace(FEW, split=split, gamma=gamma)
    rng = np.random.default_rng(0)
    steps = [a_city(step, rng) for step in range(40)]
    whole, resumed = Maddpg.offloading(WIDE, settings, 1), Maddpg.offloading(WIDE, settings, 2)
    draws = np.random.default_rng(3), np.random.default_rng(4)
    losses = []
    for step in steps[:30]:
        whole.take(step)
        losses.append(whole.update(draws[0]))
    assert losses[0] == {}
    assert set(losses[-1]) == {"critic", "actor"}
    memory, moments = whole.memory(), whole.moments()
    before = tensors(whole)
    draws[1].bit_generator.state = draws[0].bit_generator.state
    rest = []
    for step in steps[30:]:
        whole.take(step)
        rest.append(whole.update(draws[0]))
    for name, value in resumed.tensors():
        value.copy_(before[name])
    resumed.set_moments(moments)
    resumed.restore_memory(memory)
    again = []
    for step in steps[30:]:
        resumed.take(step)
        again.append(resumed.update(draws[1]))
    assert again == rest
    assert all(torch.equal(value, tensors(resumed)[name]) for name, value in whole.tensors())
    assert resumed.samples.tolist() == whole.samples.tolist()


def test_nothing_is_learnt_before_every_learner_is_warm() -> None:
    agents = Maddpg.offloading(WIDE, FEW, 0)
    before = tensors(agents)
    for step in range(40):
        agents.take(a_step(step, [0, 1, 2], [0, 0, 0]))  # learner 3 has none
        assert agents.update(np.random.default_rng(0)) == {}
    assert all(torch.equal(value, before[name]) for name, value in agents.tensors())
    assert agents.samples.tolist() == [39.0, 39.0, 39.0, 0.0]


def test_a_vehicle_acts_by_its_learner_and_greedily_by_the_target() -> None:
    acting = acting_of(FEW, Exploration(rate=0.0, deviation=0.0))
    agents = Maddpg.offloading(WIDE, FEW, 0)
    biases = {"actor": [0.0, 0.5, 1.0, 1.5], "actor_target": [-0.5, -1.0, -1.5, -2.0]}
    weights = {name: np.zeros_like(value.numpy()) for name, value in agents.acting()}
    for network, bias in biases.items():
        weights[f"{network}.net.layers.2.bias"] = np.array(bias, np.float32)[:, None]
    assert set(weights) == {n for n, _ in agents.tensors() if n.startswith("actor")}
    acting.take(weights)
    vehicle = np.array([2, 4, 7])
    seen = View(vehicle, vehicle, states(1.0, 2.0, 3.0), np.tile(A_DEAL, (3, 1)))
    greedy = acting.act(vehicle, seen, None)
    assert greedy.rho == pytest.approx([rho(-1.5), rho(-0.5), rho(-2.0)], abs=1e-6)
    assert greedy.note.shape == (3, 0)
    trained = acting.act(vehicle, seen, np.random.default_rng(0))
    assert trained.rho == pytest.approx([rho(1.0), rho(0.0), rho(1.5)], abs=1e-6)
    acting.take({"exploration": np.array([1.0, 0.0], np.float32)})
    assert acting.act(vehicle, seen, np.random.default_rng(0)).rho != pytest.approx(trained.rho)
    nobody = View(vehicle[:0], vehicle[:0], states(), A_DEAL[None][:0])
    assert acting.act(vehicle[:0], nobody, None).rho.shape == (0,)


@pytest.mark.parametrize("split", [True, False])
def test_many_start_from_one_model_that_the_seed_decides(split: bool) -> None:
    settings = dataclasses.replace(FEW, split=split)
    one, same, other = (tensors(Maddpg.offloading(WIDE, settings, seed)) for seed in (0, 0, 1))
    assert all(torch.equal(one[name], same[name]) for name in one)
    assert not torch.equal(one["critic.net.layers.0.weight"], other["critic.net.layers.0.weight"])
    for value in one.values():
        assert torch.equal(value, value[:1].expand_as(value))


def congestion(seat: np.ndarray, share: np.ndarray) -> np.ndarray:
    """Cost of each: the own part takes 1, a server as long as the shares sent to it."""
    load = np.bincount(seat, share, minlength=2)
    return 0.5 + (1.0 - share) + share * load[seat]


def regret(seat: np.ndarray, share: np.ndarray) -> np.ndarray:
    """What each could still gain by the best reply to the others."""
    others = np.bincount(seat, share, minlength=2)[seat] - share
    best = ((1.0 - others) / 2.0).clip(0.0, 1.0)
    return congestion(seat, share) - (1.5 - best + best * (others + best))


def in_the_game(vehicle: np.ndarray, seat: np.ndarray) -> View:
    return View(vehicle, seat, states(*(seat - 0.5)), np.tile(A_DEAL, (len(seat), 1)))


def played(step: int, seen: View, share: np.ndarray) -> Experience:
    told = {"state": seen.state, "rho": share, "cost": congestion(seen.seat, share)}
    return a_step(step, seen.row.tolist(), seen.seat.tolist(), **told)


GAME = Settings(
    learners=4, gamma=0.0, reward="R2", learning_rate=5e-3, actor_rate=2e-3, strain=1e-2
)
SEATS = np.array([0, 0, 1, 1, 1, 1, 1, 1])


def test_contenders_find_the_equilibrium_of_a_congestion_game() -> None:
    """Two vehicles at one server, six at another: the best replies meet at 1/3 and 1/7."""
    agents = Maddpg.offloading(WIDE, GAME, 0)
    acting = acting_of(GAME, Exploration(rate=0.1, deviation=0.15))
    rng = np.random.default_rng(1)
    vehicle = np.arange(8)
    seen = in_the_game(vehicle, SEATS)
    before = regret(SEATS, acting.act(vehicle, seen, None).rho)
    for step in range(600):
        agents.take(played(step, seen, acting.act(vehicle, seen, rng).rho))
        agents.update(rng)
        acting.take({name: value.numpy() for name, value in agents.acting()})
    found = acting.act(vehicle, seen, None).rho
    assert found[SEATS == 0].mean() == pytest.approx(1 / 3, abs=0.05)
    assert found[SEATS == 1].mean() == pytest.approx(1 / 7, abs=0.04)
    assert regret(SEATS, found).max() < 0.03 < 0.5 * before.max()


def test_to_the_critic_the_others_are_no_noise() -> None:
    """Shares at random: what one pays hangs on the others', which only their neighbour sees."""
    losses = {}
    for neighbours in (0, 4):
        agents = Maddpg.offloading(WIDE, dataclasses.replace(GAME, neighbours=neighbours), 0)
        rng = np.random.default_rng(1)
        seen, told = in_the_game(np.arange(8), np.repeat([0, 1], 4)), []
        for step in range(300):
            agents.take(played(step, seen, rng.random(8)))
            told.append(agents.update(rng).get("critic", np.nan))
        losses[neighbours] = np.mean(told[-50:])
    assert losses[4] < 0.1 * losses[0]
