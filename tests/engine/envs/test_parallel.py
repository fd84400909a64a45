"""The PettingZoo environment: its API kept, the same city as a run, agents that come and go."""

from __future__ import annotations

import dataclasses
import re
import subprocess
import sys
import warnings
from pathlib import Path

import numpy as np
import psutil
import pytest

from engine.envs import parallel_env
from engine.envs.parallel import OffloadingEnv
from engine.envs.setup import Setup
from engine.mobility import open_mobility
from engine.mobility.recorded import record
from engine.params import Params
from engine.session import Session
from engine.types import Snapshot

with warnings.catch_warnings():
    # PettingZoo's tests import its games in the way that it warns of.
    warnings.simplefilter("ignore", DeprecationWarning)
    from pettingzoo.test import parallel_api_test, parallel_seed_test

TRACE = str(Path(__file__).parents[2] / "data" / "sumo_200.npz")
#: Ten vehicles, then twenty-five, then ten again.
SWING = {"density": (0.4, 1.0), "steps": 600}
RHO = np.array([0.25], np.float32)


def play(env, seed=None, choose=lambda _: RHO):
    """Every dictionary that an episode gives, the first with a step's form."""
    seen, infos = env.reset(seed=seed)
    told = [(seen, {}, {}, {}, infos)]
    while env.agents:
        told.append(env.step({agent: choose(agent) for agent in env.agents}))
    return told


@pytest.fixture(scope="module")
def blinking(tmp_path_factory) -> str:
    """A trace of three vehicles; the second is away in seconds 4 and 5, the third leaves at 7."""

    class Blinking:
        digest = "blinking"
        second = -1

        def step(self, target_vehicles):
            self.second += 1
            there = [True, self.second not in (4, 5), self.second < 7]
            ids = np.flatnonzero(there)
            place = np.array([[900.0, 700.0], [1500.0, 1800.0], [2500.0, 3100.0]])[ids]
            return Snapshot(
                float(self.second + 1), ids, place, np.full(len(ids), 5.0), np.zeros(len(ids)), ids
            )

    path = tmp_path_factory.mktemp("traces") / "blinking.npz"
    record(Blinking(), 12, lambda _: 3, path, seed=0)
    return str(path)


@pytest.mark.parametrize(
    "options",
    [
        {"steps": 60},
        {"steps": 60, "actions": "levels", "reward": "R2", "v2v": True},
        {"steps": 60, "actions": "rho+target", "reward": "R3n", "mesh": "live"},
        {"steps": 60, "mobility": TRACE, "vehicles": 40},
        {"steps": 60, "equations": "paper-literal", "reward": "R1"},
        SWING,
    ],
    ids=str,
)
def test_it_keeps_to_the_api(options) -> None:
    parallel_api_test(parallel_env(**{"vehicles": 25, **options}), num_cycles=700)


def test_it_keeps_to_the_api_where_a_vehicle_leaves_and_returns(blinking: str) -> None:
    parallel_api_test(parallel_env(mobility=blinking, steps=11), num_cycles=20)


@pytest.mark.sumo
@pytest.mark.filterwarnings("ignore:No agents present but not all possible_agents")
def test_it_keeps_to_the_api_on_sumo() -> None:
    """SUMO may bring as many agents again as begin, and rarely does: PettingZoo warns of that."""
    parallel_api_test(parallel_env(mobility="sumo", vehicles=60, steps=20), num_cycles=30)


def test_it_is_a_function_of_its_seed() -> None:
    parallel_seed_test(lambda: parallel_env(vehicles=25, steps=30))
    env, other = (parallel_env(steps=30, density=(0.4, 1.0), seed=9) for _ in range(2))
    one, again, third = play(env, seed=5), play(env, seed=5), play(other, seed=6)
    np.testing.assert_equal(one, again)
    assert_different(one, third)


def test_without_a_seed_every_episode_differs_and_the_row_of_them_repeats() -> None:
    env, other = (parallel_env(vehicles=10, steps=5, seed=3) for _ in range(2))
    first, second = play(env), play(env)
    assert_different(first, second)
    np.testing.assert_equal([first, second], [play(other), play(other)])
    np.testing.assert_equal(first, play(env, seed=3))


def assert_different(one, other) -> None:
    rewards = [[list(step[1].values()) for step in told] for told in (one, other)]
    assert rewards[0] != rewards[1]


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"mobility": TRACE},
        {"v2v": True, "mandate": True, "sync_interval": 5},
        {"mesh": "live", "admission": True, "rsu_cores": 2},
        {"equations": "paper-literal"},
        {"rsu_mains": False, "rsu_battery": 1, "vehicles": 300},
        {"density": (0.4, 3.0)},
    ],
    ids=str,
)
def test_a_constant_action_gives_the_constant_schemes_metrics_bit_for_bit(options) -> None:
    steps = 90
    raw = {"vehicles": 80, "seed": 4, **options}
    mobility = raw.pop("mobility", "synthetic")
    env = parallel_env(mobility=mobility, steps=steps, **raw)
    env.reset()
    rows = []
    while env.agents:
        env.step(dict.fromkeys(env.agents, RHO))
        rows.append(list(env.metrics.values()))
    params = Params.parse({**raw, "rho": 0.25})
    session = Session(params, ("constant",), open_mobility(mobility, params))
    expected = [session.step().rows[0] for _ in range(steps)]
    assert np.array(rows).tobytes() == np.array(expected).tobytes()


def test_who_leaves_is_terminated_and_returns_as_another_agent(blinking: str) -> None:
    told = play(parallel_env(mobility=blinking, steps=11))
    vehicle = [{name: info["vehicle"] for name, info in step[4].items()} for step in told]
    assert vehicle[0] == {"vehicle_0": 0, "vehicle_1": 1, "vehicle_2": 2}
    ended = {
        name: (second, kind)
        for second, step in enumerate(told)
        for kind, flags in (("left", step[2]), ("horizon", step[3]))
        for name, flag in flags.items()
        if flag
    }
    assert ended == {
        "vehicle_1": (4, "left"),
        "vehicle_2": (7, "left"),
        "vehicle_0": (11, "horizon"),
        "vehicle_3": (11, "horizon"),
    }
    assert vehicle[6]["vehicle_3"] == 1
    assert not told[4][0]["vehicle_1"].any()
    assert "vehicle_1" not in told[5][0]


def test_no_name_comes_twice_and_all_that_may_come_do() -> None:
    env = parallel_env(**SWING)
    told = play(env)
    lives: dict[str, list[int]] = {}
    for second, step in enumerate(told):
        for name in step[0]:
            lives.setdefault(name, []).append(second)
    assert all(np.all(np.diff(seconds) == 1) for seconds in lives.values())
    assert set(lives) == set(env.possible_agents)
    assert 5 < sum(sum(step[2].values()) for step in told) < 20
    assert len(told) == 601


def test_the_horizon_truncates_everybody_and_shows_what_comes_next() -> None:
    env = parallel_env(vehicles=30, steps=7)
    told = play(env)
    assert len(told) == 8
    assert [any(step[3].values()) for step in told] == [False] * 7 + [True]
    seen, _, terminations, truncations, _ = told[-1]
    assert all(truncations.values())
    assert not any(terminations.values())
    assert len(truncations) == 30
    assert all(row.any() for row in seen.values())
    longer = play(parallel_env(vehicles=30, steps=8))
    np.testing.assert_equal(seen, longer[7][0])
    assert env.agents == []
    assert env.step({}) == ({}, {}, {}, {}, {})


def test_when_the_names_are_used_up_the_episode_is_truncated() -> None:
    setup = Setup.parse(600, "synthetic", "R3", "rho", {"density": (0.4, 1.0)})
    told = play(OffloadingEnv(dataclasses.replace(setup, names=12)))
    assert 50 < len(told) < 250
    assert len(told[-1][3]) == 12
    assert all(told[-1][3].values())


@pytest.mark.parametrize(
    ("reward", "of"),
    [
        ("R1", lambda cost, toll: 1 / cost),
        ("R2", lambda cost, toll: -cost),
        ("R3", lambda cost, toll: 1 / (cost + toll)),
        ("R3n", lambda cost, toll: -(cost + toll)),
    ],
)
def test_rewards_are_those_of_the_model_and_zero_without_a_task(reward: str, of) -> None:
    told = play(parallel_env(vehicles=120, steps=20, reward=reward))
    paid = 0
    for (_, rewards, _, _, infos), (before, *_) in zip(told[1:], told, strict=False):
        for name, info in infos.items():
            assert info["task"] == (before[name][-1] == 1.0)
            wanted = of(info["cost"], info["toll"]) if info["task"] else 0.0
            assert rewards[name] == pytest.approx(wanted, rel=1e-12)
            paid += info.get("toll", 0.0) > 0
    assert paid > 10


def test_infos_are_the_tasks_that_the_metrics_are_means_of() -> None:
    env = parallel_env(vehicles=60, steps=5)
    env.reset()
    while env.agents:
        *_, infos = env.step(dict.fromkeys(env.agents, RHO))
        tasks = [info for info in infos.values() if info["task"]]
        assert env.metrics["tasks"] == len(tasks) > 0
        for metric, field in (
            ("cost", "cost"), ("success_rate", "success"), ("delay_s", "delay_s"),
            ("energy_j", "energy_j"), ("rho", "rho"),
        ):  # fmt: skip
            mean = np.mean([info[field] for info in tasks])
            assert env.metrics[metric] == pytest.approx(mean, rel=1e-12)
    assert env.means["tasks"] > 0


def test_what_agents_choose_is_what_happens() -> None:
    env = parallel_env(vehicles=60, steps=3, actions="levels", mesh="off")
    env.reset()
    *_, infos = env.step({name: at % 11 for at, name in enumerate(env.agents)})
    rho = [(at, info["rho"]) for at, info in enumerate(infos.values()) if info["task"]]
    assert len(rho) > 10
    assert all(share == (at % 11) / 10 for at, share in rho)


def test_the_state_is_the_rsus_twins() -> None:
    env = parallel_env(vehicles=60, steps=30)
    seen, _ = env.reset()
    for _ in range(10):
        seen, *_ = env.step(dict.fromkeys(env.agents, RHO))
    twins = env.state().reshape(20, 8)
    assert env.state_space.contains(env.state())
    blocks = np.array([row[6:14] for row in seen.values()])
    served = [np.any(np.all(block == twins, axis=1)) for block in blocks]
    assert all(served)
    assert len(np.unique(blocks, axis=0)) > 5


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"vehicels": 3}, "There is no parameter 'vehicels'"),
        ({"vehicles": 0}, "1 to 2000"),
        ({"deadline": (1, 0.5)}, "LOW:HIGH"),
        ({"steps": 0}, "steps=0"),
        ({"steps": 2.5}, "steps=2.5"),
        ({"steps": True}, "steps=True"),
        ({"reward": "R4"}, "choose R1, R2, R3, R3n"),
        ({"reward": ["R3"]}, "choose R1, R2, R3, R3n"),
        ({"actions": "all"}, "choose rho, levels, rho+target"),
        ({"mobility": "teleport"}, "choose synthetic, sumo"),
        ({"mobility": "missing.npz"}, "There is no trace missing.npz"),
        ({"mobility": TRACE, "steps": 300}, "choose steps up to 299"),
        ({"render_mode": "human"}, "choose None"),
    ],
    ids=str,
)
def test_bad_options_get_one_sentence(options, words: str) -> None:
    with pytest.raises(ValueError, match=re.escape(words)) as refused:
        parallel_env(**options)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    ("actions", "bad", "words"),
    [
        ("rho", None, "vehicle_3 has no action"),
        ("rho", np.array([np.nan], np.float32), "no number"),
        ("rho", np.zeros(2, np.float32), "expected shape (1,)"),
        ("rho", "much", "expected shape (1,)"),
        ("levels", 11, "from 0 to 10"),
        ("levels", 2.5, "from 0 to 10"),
        ("levels", "much", "from 0 to 10"),
        ("rho+target", RHO, "expected both by name"),
        ("rho+target", {"rho": RHO, "target": 6}, "from 0 to 5"),
    ],
)
def test_bad_actions_get_one_sentence(actions: str, bad, words: str) -> None:
    env = parallel_env(vehicles=5, steps=5, actions=actions)
    env.reset()
    given = {name: env.action_space(name).sample() for name in env.agents}
    given["vehicle_3"] = bad
    if bad is None:
        del given["vehicle_3"]
    with pytest.raises(ValueError, match=re.escape(words)) as refused:
        env.step(given)
    assert "\n" not in str(refused.value)


def test_before_the_first_reset_there_is_no_episode() -> None:
    env = parallel_env(vehicles=5)
    for ask in (lambda: env.step({}), env.state, lambda: env.metrics):
        with pytest.raises(RuntimeError, match="call reset first"):
            ask()
    env.close()


@pytest.mark.sumo
def test_nothing_is_left_of_sumo_whichever_way_an_episode_ends() -> None:
    env = parallel_env(mobility="sumo", vehicles=20, steps=4)
    play(env, seed=1)
    assert sumos() == []
    env.reset()
    assert len(sumos()) == 1
    assert len(env.agents) == 20
    env.reset()
    assert len(sumos()) == 1
    env.close()
    assert sumos() == []
    env.close()


def sumos() -> list[str]:
    children = psutil.Process().children(recursive=True)
    return [child.name() for child in children if "sumo" in child.name()]


@pytest.mark.parametrize("package", ["pettingzoo", "gymnasium", "stable_baselines3"])
def test_a_missing_package_gets_one_sentence(package: str) -> None:
    make = "vec_env" if package == "stable_baselines3" else "parallel_env"
    program = (
        f"import sys; sys.modules['{package}'] = None\n"
        f"from engine.envs import {make}\n"
        f"try: {make}()\n"
        "except ImportError as error: print(error)\n"
    )
    said = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60
    ).stdout
    assert said.startswith(f"The environment needs {package}: pip install ")
    assert said.count("\n") == 1


def test_the_environment_needs_no_torch() -> None:
    program = (
        "import sys; from engine.envs import parallel_env; env = parallel_env(vehicles=3)\n"
        "env.reset(); env.step({name: [0.5] for name in env.agents})\n"
        "print('torch' in sys.modules, 'stable_baselines3' in sys.modules)"
    )
    said = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60
    ).stdout
    assert said == "False False\n"
