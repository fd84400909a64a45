"""Training headless: it repeats, resumes exactly, refuses another's state, survives explosions."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from engine.learning.checkpoint import CheckpointError, load_policy, save_policy
from engine.learning.player import Player
from engine.learning.policy import Options, Policy
from engine.learning.td3 import Settings
from engine.mobility.recorded import RecordedMobility
from engine.params import Params
from engine.schemes import af_marl
from engine.training.episodes import Plan, open_student, train
from engine.training.files import Files
from engine.training.journal import Episode
from engine.training.traffic import traffic

TRACE = Path(__file__).parents[1] / "data" / "sumo_200.npz"
LOADS = tuple(
    Params(vehicles=vehicles, seed=4, train=True, start="scratch", forecast="off")
    for vehicles in (80, 50)
)
#: With AdFL, which costs most of the time.
FORECASTING = tuple(
    dataclasses.replace(load, forecast="transformer", vehicles=30) for load in LOADS
)
SMALL = Settings(learners=4, updates=1, warm_up=8, batch=16)
STEPS = 12


class Watcher:
    """Remembers; ends the training by the error `stop` gives, like Ctrl-C would."""

    def __init__(self, stop: Callable[[int, int], bool] = lambda episode, step: False) -> None:
        self.steps: list[tuple[int, int]] = []
        self.episodes: list[Episode] = []
        self._stop = stop

    def step(self, episode: int, step: int) -> None:
        self.steps.append((episode, step))
        if self._stop(episode, step):
            raise KeyboardInterrupt

    def episode(self, made: Episode) -> None:
        self.episodes.append(made)


@pytest.fixture(scope="module")
def start(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Untrained networks of few learners, so that twelve steps are enough to learn from."""
    path = tmp_path_factory.mktemp("start") / "small.policy"
    save_policy(path, Policy.scratch(af_marl.ALGORITHM, 0, Options(SMALL)).state())
    return path


def a_plan(start: Path, **changes: object) -> Plan:
    plan = Plan(
        "af-marl", ("one", "two"), LOADS, STEPS, 4, traffic(str(TRACE), LOADS, STEPS), start
    )
    return dataclasses.replace(plan, **changes)


def a_training(out: Path, plan: Plan, episodes: int, watcher: Watcher | None = None, **more: bool):
    files = Files(out / "made.policy")
    watcher = watcher or Watcher()
    done = train(plan, open_student(plan), episodes, files, {"command": "x"}, watcher, **more)
    return files, done


def test_the_same_plan_gives_the_same_policy(tmp_path: Path, start: Path) -> None:
    watcher = Watcher()
    files, done = a_training(tmp_path / "a", a_plan(start), 1, watcher)
    again, _ = a_training(tmp_path / "b", a_plan(start), 1)
    assert watcher.steps == [(0, step) for step in range(STEPS)]
    assert watcher.episodes == done
    assert done[0].updates > 0
    assert done[0].merges > 0
    assert done[0].bytes > 0
    assert {"critic", "actor"} <= set(done[0].losses)
    assert files.policy.read_bytes() == again.policy.read_bytes()
    assert files.log.read_bytes() == again.log.read_bytes()
    assert json.loads(files.log.read_text())["preset"] == "one"
    other, _ = a_training(tmp_path / "c", a_plan(start, seed=5), 1)
    assert other.policy.read_bytes() != files.policy.read_bytes()


@pytest.mark.parametrize(("at", "loads"), [((0, 5), LOADS), ((1, 7), FORECASTING)])
def test_training_resumed_is_training_not_interrupted(
    tmp_path: Path, start: Path, at: tuple[int, int], loads: tuple[Params, ...]
) -> None:
    plan = a_plan(start, loads=loads)
    whole, _ = a_training(tmp_path / "a", plan, 2)
    with pytest.raises(KeyboardInterrupt):
        a_training(tmp_path / "b", plan, 2, Watcher(lambda *now: now == at))
    rest = Watcher()
    files, done = a_training(tmp_path / "b", plan, 2, rest, resume=True)
    assert rest.steps[0] == (at[0], 0)
    assert len(done) == 2
    assert (done[0].rounds > 0) == (loads is FORECASTING)
    assert files.policy.read_bytes() == whole.policy.read_bytes()
    assert files.log.read_bytes() == whole.log.read_bytes()
    one, other = load_policy(files.state), load_policy(whole.state)
    assert all(np.array_equal(value, other["tensors"][k]) for k, value in one["tensors"].items())


def test_a_policy_lost_between_two_writes_is_made_again(tmp_path: Path, start: Path) -> None:
    files, _ = a_training(tmp_path, a_plan(start), 1)
    made = files.policy.read_bytes()
    files.policy.unlink()
    a_training(tmp_path, a_plan(start), 1, resume=True)
    assert files.policy.read_bytes() == made


def test_what_is_not_its_own_state_is_refused(tmp_path: Path, start: Path) -> None:
    plan = a_plan(start)
    with pytest.raises(CheckpointError, match="no training to resume"):
        a_training(tmp_path, plan, 1, resume=True)
    files, _ = a_training(tmp_path, plan, 1)
    slower = tuple(dataclasses.replace(load, task_rate=0.25) for load in LOADS)
    for other, words in (
        (dataclasses.replace(plan, seed=7), "its seed is 4, not 7"),
        (dataclasses.replace(plan, steps=9), "its episode steps is 12, not 9"),
        (dataclasses.replace(plan, loads=slower), "task_rate is 0.5, not 0.25"),
        (dataclasses.replace(plan, traffic=traffic("synthetic", LOADS, 9)), "source"),
    ):
        with pytest.raises(CheckpointError, match=words):
            a_training(tmp_path, other, 2, resume=True)
    content = files.state.read_bytes()
    files.state.write_bytes(content[:-1])
    with pytest.raises(CheckpointError, match="damaged"):
        a_training(tmp_path, plan, 2, resume=True)


def test_exploding_losses_are_rolled_back_and_told(tmp_path: Path) -> None:
    wild = dataclasses.replace(SMALL, learning_rate=1e12)
    start = tmp_path / "wild.policy"
    save_policy(start, Policy.scratch(af_marl.ALGORITHM, 0, Options(wild)).state())
    watcher = Watcher()
    files, done = a_training(tmp_path, a_plan(start), 1, watcher)
    assert done[0].troubles
    assert "went astray" in json.loads(files.log.read_text())["troubles"][0]
    state = load_policy(files.state)
    assert all(np.abs(value).max() < 1e4 for k, value in state["tensors"].items() if "net" in k)


def test_the_policy_is_small_and_decides_as_the_averaged_learner(
    tmp_path: Path, start: Path
) -> None:
    from engine.comparison import Comparison  # noqa: PLC0415
    from engine.world import World  # noqa: PLC0415

    plan = a_plan(start)
    files, _ = a_training(tmp_path, plan, 1)
    learner = open_student(plan)
    learner.restore(load_policy(files.state))
    trained = Player(learner.policy().averaged(), np.random.default_rng(1))
    kept = load_policy(files.policy)
    loaded = Player(Policy.of(kept, af_marl.ALGORITHM), np.random.default_rng(9))
    assert files.policy.stat().st_size < 0.5 * files.state.stat().st_size
    assert kept["made"]["command"] == "x"
    assert kept["made"]["episodes"] == 1
    params = dataclasses.replace(LOADS[0], train=False)
    world, comparison = World(RecordedMobility(TRACE), params), Comparison(("local",), params, 0)
    for _ in range(3):
        seen = comparison.step(world.step(params), params)["local"].observation
        one, other = trained.act(seen), loaded.act(seen)
        assert one.rho.tolist() == other.rho.tolist()
        assert one.target.tolist() == other.target.tolist()


def test_learning_rates_fall_to_zero_over_the_whole(tmp_path: Path, start: Path) -> None:
    _, done = a_training(tmp_path, a_plan(start), 2)
    first, last = (one.learning_rate for one in done)
    assert first == pytest.approx(SMALL.learning_rate * (1 - 11 / 24))
    assert last == pytest.approx(SMALL.learning_rate / 24)
    assert done[1].exploration < done[0].exploration or done[1].exploration == 0.02


def test_a_scheme_that_does_not_learn_is_refused(start: Path) -> None:
    with pytest.raises(ValueError, match="does not learn"):
        open_student(a_plan(start, scheme="myopic"))
