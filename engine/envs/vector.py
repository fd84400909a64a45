"""The city for Stable-Baselines3: a VecEnv with a row for each place, all rows one shared policy.

A row is a slot that one vehicle after the other holds. When its vehicle leaves, the row is done and
shows the next one, or zeros while there is none; the last column of an observation is 1 where
there is a task to decide, and 0 where what is chosen changes nothing. When the episode is over, all
rows are truncated and another episode begins.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray
from stable_baselines3.common.vec_env import VecEnv

from engine.envs.episode import Episode
from engine.envs.observations import COLUMNS, observed
from engine.envs.rewards import earned
from engine.envs.setup import Episodes, Setup
from engine.params import ParameterError

State = NDArray[np.float32]
Stepped = tuple[State, NDArray[np.float32], NDArray[np.bool_], list[dict[str, Any]]]


class OffloadingVecEnv(VecEnv):
    """See the module; made by `engine.envs.vec_env`.

    Attributes:
        finished: means per task of each episode played to its end, as in `summary.json`.
    """

    render_mode = None

    def __init__(self, setup: Setup) -> None:
        if setup.actions.neighbours:
            raise ParameterError(
                "actions='rho+target' is nothing Stable-Baselines3 can learn: choose rho, levels."
            )
        self._setup = setup
        self._episodes = Episodes(setup)
        self._chosen: NDArray[Any] = np.zeros(0)
        self.finished: list[dict[str, float | int | None]] = []
        seen = spaces.Box(-np.inf, np.inf, (len(COLUMNS),), np.float32)
        super().__init__(setup.slots, seen, setup.actions.space())

    def reset(self) -> State:
        """Begin an episode, of the seed that `seed` set or the next one, (slots, columns)."""
        episode = self._episodes.begin(self._seeds[0])
        self._reset_seeds()
        return self._rows(episode)

    def step_async(self, actions: NDArray[Any]) -> None:
        """Take the choice of every row, (slots, ...)."""
        self._chosen = actions

    def step_wait(self) -> Stepped:
        """Play a second: observations, rewards, who is done, and what is told of each row.

        Raises:
            MobilityLost: SUMO died.
        """
        episode = self._episodes.now
        seen = episode.observation
        decision = self._setup.actions.decision(self._chosen[seen.slot], seen)
        outcome = episode.step(decision).outcome
        rewards = np.zeros(self.num_envs, np.float32)
        rewards[seen.slot] = earned(self._setup.reward, seen.has_task, outcome)
        rows = self._rows(episode)
        infos: list[dict[str, Any]] = [{} for _ in range(self.num_envs)]
        done = self._left(seen.slot, episode)
        for slot in np.flatnonzero(done).tolist():
            infos[slot]["terminal_observation"] = np.zeros_like(rows[slot])
        if episode.steps == self._setup.steps:
            for slot in np.flatnonzero(~done).tolist():
                infos[slot] = {"terminal_observation": rows[slot], "TimeLimit.truncated": True}
            done[:] = True
            self.finished.append(episode.means())
            rows = self.reset()
        return rows, rewards, done, infos

    def close(self) -> None:
        """End the episode and every process it started."""
        self._episodes.close()

    def get_attr(self, attr_name: str, indices: Any = None) -> list[Any]:
        """The attribute, the same for every row."""
        return [getattr(self, attr_name)] * len(self._asked(indices))

    def set_attr(self, attr_name: str, value: Any, indices: Any = None) -> None:
        """Set the attribute of all rows at once."""
        del indices
        setattr(self, attr_name, value)

    def env_method(
        self, method_name: str, *method_args: Any, indices: Any = None, **method_kwargs: Any
    ) -> list[Any]:
        """Call the method once; what it gives, for every row."""
        given = getattr(self, method_name)(*method_args, **method_kwargs)
        return [given] * len(self._asked(indices))

    def env_is_wrapped(self, wrapper_class: Any, indices: Any = None) -> list[bool]:
        """No row is wrapped."""
        del wrapper_class
        return [False] * len(self._asked(indices))

    def _asked(self, indices: Any) -> Sequence[int]:
        return list(self._get_indices(indices))

    def _rows(self, episode: Episode) -> State:
        """What every slot sees, zeros where there is no vehicle, (slots, columns)."""
        rows = np.zeros((self.num_envs, len(COLUMNS)), np.float32)
        rows[episode.observation.slot] = observed(episode.observation, neighbours=False)
        return rows

    def _left(self, before: NDArray[np.int64], episode: Episode) -> NDArray[np.bool_]:
        """Slots whose vehicle of the last second is no longer there, (slots,)."""
        seen = episode.observation
        stays = np.zeros(self.num_envs, bool)
        stays[seen.slot[~seen.fresh]] = True
        left = np.zeros(self.num_envs, bool)
        left[before] = True
        return left & ~stays
