"""Every learned scheme, by either set of ingredients: acts, learns, is kept, disturbs nobody."""

from __future__ import annotations

import dataclasses
import pickle
from pathlib import Path

import numpy as np
import pytest
import torch

from engine import schemes
from engine.comparison import Comparison
from engine.learning.checkpoint import CheckpointError, load_policy, save_policy
from engine.mobility.synthetic import SyntheticMobility
from engine.params import Params
from engine.world import World

torch.set_num_threads(1)
LEARNED = tuple(name for name in schemes.names() if schemes.learns(schemes.load(name)))
KINDS = ("own", "equal")
EACH = [(name, kind) for name in LEARNED for kind in KINDS]
STEPS = 20


def params(kind: str, **more) -> Params:
    wish = {"vehicles": 200, "train": True, "start": "scratch", "forecast": "off", "task_rate": 1}
    return Params.parse({**wish, "ingredients": kind, **more})


def play(stage, wanted: Params, steps: int = STEPS, **more):
    """Metrics and decisions of each scheme, and the comparison."""
    comparison = Comparison(stage, wanted, 0, **more)
    world = World(SyntheticMobility(0), wanted)
    told: dict[str, list] = {name: [] for name in stage}
    for _ in range(steps):
        for name, step in comparison.step(world.step(wanted), wanted).items():
            told[name].append((step.row.tobytes(), step.decision.rho, step.decision.target))
    return told, comparison


def rows(told) -> dict[str, list[bytes]]:
    return {name: [row for row, _, _ in steps] for name, steps in told.items()}


@pytest.mark.parametrize(("name", "kind"), EACH)
def test_it_learns_repeatably_within_bounds_and_nobody_else_feels_it(name, kind) -> None:
    wanted = params(kind)
    told, comparison = play((name, "random"), wanted)
    for _, rho, _ in told[name]:
        assert ((rho >= 0.0) & (rho <= 1.0)).all()
    learnt = [entry for _, entry in comparison.learnt()]
    assert any(entry.updated for entry in learnt)
    assert all(np.isfinite(v) for entry in learnt for v in entry.losses.values())
    assert any("critic" in entry.losses for entry in learnt)
    alone, _ = play((name,), wanted)
    assert rows(alone)[name] == rows(told)[name]
    without, _ = play(("random",), wanted)
    assert rows(without)["random"] == rows(told)["random"]


def scratch(name: str, kind: str):
    """A pair of the scheme, untrained."""
    module, rngs = schemes.load(name), np.random.default_rng(1).spawn(2)
    wanted = params(kind)
    return module.build(wanted, rngs[0], None), module.build_learner(wanted, rngs[1], None)


@pytest.mark.parametrize(("name", "kind"), EACH)
def test_a_learner_kept_and_resumed_was_never_stopped(name, kind, tmp_path: Path) -> None:
    player, whole = scratch(name, kind)
    player.explores = True
    wanted, records = params(kind), []
    comparison = Comparison(("local",), wanted, 0)
    world = World(SyntheticMobility(0), wanted)
    for _ in range(STEPS):
        step = comparison.step(world.step(wanted), wanted)["local"]
        player.act(step.observation)
        records.append(pickle.loads(pickle.dumps(player.experience(step.outcome))))
    _, first = scratch(name, kind)
    _, second = scratch(name, kind)
    told = [whole.learn(record) for record in records]
    for record in records[:16]:
        first.learn(record)
    save_policy(tmp_path / "x", first.state())
    second.restore(load_policy(tmp_path / "x"))
    assert [second.learn(record) for record in records[16:]] == told[16:]
    one, other = second.state()["tensors"], whole.state()["tensors"]
    assert {k: v.tobytes() for k, v in one.items()} == {k: v.tobytes() for k, v in other.items()}


@pytest.mark.parametrize("name", [name for name in LEARNED if name != "af-marl"])
def test_a_policy_says_its_ingredients_and_others_refuse_it(name, tmp_path: Path) -> None:
    for kind, other in (("own", "equal"), ("equal", "own")):
        _, learner = scratch(name, kind)
        file = tmp_path / f"{kind}.policy"
        save_policy(file, learner.shipped())
        kept = load_policy(file)
        assert kept["ingredients"] == kind
        assert ("forecast.cvae" in kept["tensors"]) == (kind == "equal")
        schemes.check_policy(name, params(kind), file)
        with pytest.raises(CheckpointError) as refused:
            schemes.check_policy(name, params(other), file)
        assert str(refused.value) == (
            f"{file}: The policy is of {name} with {kind} ingredients: "
            f"with --ingredients {other} it cannot be used."
        )


def test_af_marl_has_the_same_ingredients_always() -> None:
    one, other = (play(("af-marl",), params(kind, start="shipped"), 6)[0] for kind in KINDS)
    assert rows(one) == rows(other)


@pytest.mark.parametrize("name", [name for name in LEARNED if name != "af-marl"])
def test_equal_ingredients_seat_tasks_elsewhere_and_own_ones_leave_that_to_the_rule(name) -> None:
    elsewhere = {}
    for kind in KINDS:
        _, comparison = play((name,), params(kind, train=False), 4)
        target = comparison.latest[name].decision.target
        elsewhere[kind] = bool((target >= 0).any())
    assert elsewhere == {"own": False, "equal": True}


def test_what_does_not_ship_is_said_in_one_sentence(monkeypatch, tmp_path: Path) -> None:
    module = schemes.load("ddqn")
    gone = dataclasses.replace(module.KITS["own"], shipped=tmp_path / "gone.policy")
    monkeypatch.setattr(module, "KITS", {**module.KITS, "own": gone})
    with pytest.raises(CheckpointError) as refused:
        module.build(Params(), np.random.default_rng(0), None)
    assert str(refused.value) == (
        "No policy of ddqn with own ingredients ships with this package: "
        "choose --start scratch, or give one by --policy ddqn=FILE."
    )
