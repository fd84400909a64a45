"""`iov_offloading_v0`: PettingZoo's ParallelEnv over one arm of the city.

An agent is one stay of a vehicle in the city, `vehicle_12`; no name comes twice in an episode.
A step is a second: every agent chooses by what the twins say, having seen its own task, and is
rewarded for that task when the second is over. Who leaves the city is terminated, with zeros as
its last observation; who comes is in `agents` from the next step on. The horizon truncates all who
are there. `infos` tell of each agent `vehicle`, the id on the page, and `task`; after a task also
`rho`, `cost`, `success`, `delay_s`, `energy_j` and `toll`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Final

import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray
from pettingzoo import ParallelEnv

from engine.envs.episode import Episode
from engine.envs.observations import COLUMNS, NEIGHBOUR_COLUMNS, observed, overview
from engine.envs.rewards import earned
from engine.envs.roster import Roster
from engine.envs.setup import Episodes, Setup
from engine.learning.state import RSU_COLUMNS
from engine.rsus import COUNT
from engine.types import Bools, Ints, Outcome

State = NDArray[np.float32]
Dicts = tuple[
    dict[str, State],
    dict[str, float],
    dict[str, bool],
    dict[str, bool],
    dict[str, dict[str, Any]],
]
#: Of the outcome, told after a task.
_TOLD: Final = ("rho", "cost", "success", "delay_s", "energy_j", "toll")


class OffloadingEnv(ParallelEnv[str, State, Any]):
    """See the module; made by `engine.envs.parallel_env`.

    Attributes:
        agents: who decides now. possible_agents: every name that an episode may give. Their number
            is exact for synthetic and recorded motion; SUMO may bring fewer.
        state_space: of `state`, which is what a central critic may see: the twins of all RSUs.
    """

    metadata: ClassVar[dict[str, Any]] = {
        "name": "iov_offloading_v0",
        "render_modes": [],
        "is_parallelizable": True,
    }
    render_mode = None

    def __init__(self, setup: Setup) -> None:
        self._setup = setup
        columns = len(COLUMNS) + (len(NEIGHBOUR_COLUMNS) if setup.actions.neighbours else 0)
        self._observation_space = spaces.Box(-np.inf, np.inf, (columns,), np.float32)
        self._action_space = setup.actions.space()
        self.state_space = spaces.Box(-np.inf, np.inf, (COUNT * len(RSU_COLUMNS),), np.float32)
        self.possible_agents = [f"vehicle_{number}" for number in range(setup.names)]
        self.observation_spaces = dict.fromkeys(self.possible_agents, self._observation_space)
        self.action_spaces = dict.fromkeys(self.possible_agents, self._action_space)
        self.agents: list[str] = []
        self._episodes = Episodes(setup)
        self._roster = Roster()
        self._number: Ints = np.zeros(0, np.int64)

    def observation_space(self, agent: str) -> spaces.Space[State]:
        """The same for all: columns `engine.envs.observations.COLUMNS`."""
        del agent
        return self._observation_space

    def action_space(self, agent: str) -> spaces.Space[Any]:
        """The same for all, see `engine.envs.actions`."""
        del agent
        return self._action_space

    def reset(
        self, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[dict[str, State], dict[str, dict[str, Any]]]:
        """Begin an episode.

        Args:
            seed: of everything random in it; without one the first episode has the parameter
                `seed` and every other one follows from the one before.
            options: none are known.

        Raises:
            MobilityLost: SUMO cannot be started.
        """
        del options
        episode = self._episodes.begin(seed)
        self._roster = Roster()
        self._number = self._enter(episode)
        self.agents = self._names(self._number)
        vehicle = episode.observation.vehicle
        infos = dict(zip(self.agents, _idle(vehicle), strict=True))
        return self._observed(episode, np.ones(len(vehicle), bool)), infos

    def step(self, actions: Mapping[str, Any]) -> Dicts:
        """Play a second.

        Args:
            actions: of all in `agents`; others are passed over.

        Raises:
            RuntimeError: there was no reset yet.
            ValueError: an agent has no action, or one that is not of the space.
            MobilityLost: SUMO died.
        """
        episode, agents, before = self._episodes.now, self.agents, self._number
        if not agents:
            return {}, {}, {}, {}, {}
        silent = [name for name in agents if name not in actions]
        if silent:
            raise ValueError(f"{silent[0]} has no action: give one for each of env.agents.")
        seen = episode.observation
        decision = self._setup.actions.decision([actions[name] for name in agents], seen)
        outcome = episode.step(decision).outcome
        paid = earned(self._setup.reward, seen.has_task, outcome)
        now = self._enter(episode)
        over = episode.steps == self._setup.steps or self._roster.count > self._setup.names
        gone, came = ~np.isin(before, now), ~np.isin(now, before)
        shown = ~came if over else np.ones(len(now), bool)
        self._number = now[shown]
        self.agents = self._names(self._number)
        new = self._names(now[came & shown])
        observations = self._observed(episode, shown) | self._zeros(agents, gone)
        rewards = dict(zip(agents, paid.tolist(), strict=True)) | dict.fromkeys(new, 0.0)
        terminations = dict(zip(agents, gone.tolist(), strict=True)) | dict.fromkeys(new, False)
        truncations = {name: over and not went for name, went in terminations.items()}
        infos = dict(zip(agents, _infos(seen.vehicle, seen.has_task, outcome), strict=True))
        infos |= zip(new, _idle(episode.observation.vehicle[came & shown]), strict=True)
        if over:
            self.close()
        return observations, rewards, terminations, truncations, infos

    def state(self) -> State:
        """The twins of all RSUs, one after the other, columns `RSU_COLUMNS` of each, (M * 8,)."""
        return overview(self._episodes.now.observation)

    def render(self) -> None:
        """Nothing: the page draws the city."""

    def close(self) -> None:
        """End the episode and every process it started; `reset` begins another."""
        self._episodes.close()
        self.agents = []

    @property
    def episode_seed(self) -> int:
        """What everything random in this episode is drawn from."""
        return self._episodes.now.params.seed

    @property
    def metrics(self) -> dict[str, Any]:
        """Means over the tasks of the last second, as in `metrics.parquet`."""
        return self._episodes.now.last()

    @property
    def means(self) -> dict[str, float | int | None]:
        """Means per task over the episode so far, as in `summary.json`."""
        return self._episodes.now.means()

    def _enter(self, episode: Episode) -> Ints:
        return self._roster.enter(episode.observation.slot, episode.observation.fresh)

    def _names(self, number: Ints) -> list[str]:
        names = self.possible_agents
        return [names[one] for one in number.tolist()]

    def _observed(self, episode: Episode, rows: Bools) -> dict[str, State]:
        seen = observed(episode.observation, neighbours=self._setup.actions.neighbours)[rows]
        return dict(zip(self.agents, seen, strict=True))

    def _zeros(self, agents: list[str], which: Bools) -> dict[str, State]:
        shape = self._observation_space.shape
        return {agents[row]: np.zeros(shape, np.float32) for row in np.flatnonzero(which).tolist()}


def _idle(vehicle: Ints) -> list[dict[str, Any]]:
    """What is told of vehicles that did nothing yet."""
    return [{"vehicle": one, "task": False} for one in vehicle.tolist()]


def _infos(vehicle: Ints, has_task: Bools, outcome: Outcome) -> list[dict[str, Any]]:
    """What is told of each vehicle after a step, in their order."""
    infos = _idle(vehicle)
    row = np.flatnonzero(has_task)
    columns = [getattr(outcome, name)[row].tolist() for name in _TOLD]
    for at, *values in zip(row.tolist(), *columns, strict=True):
        infos[at].update(zip(_TOLD, values, strict=True), task=True)
    return infos
