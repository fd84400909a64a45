"""The VecEnv is the city of the PettingZoo environment, a row a place, and PPO runs on it."""

from __future__ import annotations

import numpy as np
import pytest
from stable_baselines3 import PPO

from engine.envs import parallel_env, vec_env
from engine.envs.observations import COLUMNS

#: Ten vehicles, then twenty-five, then ten again.
SWING = {"density": (0.4, 1.0), "steps": 600}


def chosen(city) -> np.ndarray:
    return np.full((city.num_envs, 1), 0.25, np.float32)


def test_rows_are_the_agents_of_the_other_environment() -> None:
    env, city = (make(vehicles=40, steps=20, seed=2) for make in (parallel_env, vec_env))
    seen, _ = env.reset()
    rows = city.reset()
    while env.agents:
        np.testing.assert_array_equal(rows, np.array(list(seen.values())))
        action = np.array([0.25], np.float32)
        seen, rewards, *_ = env.step(dict.fromkeys(env.agents, action))
        means = env.means
        rows, paid, done, infos = city.step(chosen(city))
        np.testing.assert_array_equal(paid, np.array(list(rewards.values()), np.float32))
    assert city.finished == [means]
    assert done.all()
    for info, last in zip(infos, seen.values(), strict=True):
        assert info["TimeLimit.truncated"]
        np.testing.assert_array_equal(info["terminal_observation"], last)
    assert not np.array_equal(rows, city.step(chosen(city))[0])


def test_a_row_is_done_when_its_vehicle_leaves_and_empty_rows_are_zeros() -> None:
    city = vec_env(**SWING)
    rows = city.reset()
    assert rows.shape == (25, len(COLUMNS))
    full, left = [], 0
    for _ in range(599):
        there = rows.any(axis=1)
        full.append(there.sum())
        rows, paid, done, infos = city.step(chosen(city))
        assert not (done & ~there).any()
        assert not paid[~there].any()
        gone = there & ~rows.any(axis=1)
        assert done[gone].all()
        for slot in np.flatnonzero(done):
            assert not infos[slot]["terminal_observation"].any()
            assert "TimeLimit.truncated" not in infos[slot]
        left += done.sum()
    assert (min(full), max(full)) == (10, 25)
    assert left == 15
    assert city.finished == []


def test_seeds_make_it_repeat_and_episodes_differ() -> None:
    def rewards(seed: int) -> list[np.ndarray]:
        city = vec_env(vehicles=15, steps=6)
        city.seed(seed)
        city.reset()
        return [city.step(chosen(city))[1] for _ in range(12)]

    one, again, other = rewards(7), rewards(7), rewards(2**32 - 1)
    np.testing.assert_array_equal(one, again)
    assert not np.array_equal(one, other)
    assert not np.array_equal(one[:6], one[6:])


@pytest.mark.parametrize("actions", ["rho", "levels"])
def test_ppo_runs_on_it_while_vehicles_come_and_go(actions: str) -> None:
    city = vec_env(density=(0.4, 1.0), steps=100, actions=actions)
    model = PPO("MlpPolicy", city, n_steps=30, batch_size=250, n_epochs=1, device="cpu", seed=1)
    model.learn(240 * city.num_envs)
    assert model.num_timesteps == 240 * 25
    assert len(city.finished) == 2


def test_what_stable_baselines_asks_of_rows() -> None:
    city = vec_env(vehicles=4, steps=3)
    city.reset()
    assert city.get_attr("render_mode") == [None] * 4
    assert city.env_is_wrapped(object, [0, 2]) == [False] * 2
    city.set_attr("note", "mine")
    assert city.get_attr("note", 1) == ["mine"]
    assert city.env_method("get_attr", "note", indices=[0]) == [["mine"] * 4]
    city.close()


def test_a_choice_of_target_is_refused_in_one_sentence() -> None:
    with pytest.raises(ValueError, match="choose rho, levels"):
        vec_env(actions="rho+target")
