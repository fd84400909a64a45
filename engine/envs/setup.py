"""What an environment was asked for, checked, and its episodes opened."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from engine.envs.actions import ACTIONS, Actions
from engine.envs.episode import Episode
from engine.envs.rewards import REWARDS
from engine.envs.roster import entries
from engine.mobility import fill, open_mobility
from engine.mobility.recorded import RecordedMobility
from engine.params import ParameterError, Params
from engine.seeds import sequence

_MOST_STEPS: Final = 1_000_000
#: Seeds that the schema knows.
_SEEDS: Final = 2**31
#: Until the densest moment of a swing, MODEL B.5.
_DENSEST_S: Final = 300.0


@dataclass(frozen=True)
class Setup:
    """Checked options, see `engine.envs.parallel_env`.

    Attributes:
        names: most vehicles that may be agents in one episode, each stay counted.
    """

    params: Params
    steps: int
    mobility: str
    reward: str
    actions: Actions
    names: int

    @classmethod
    def parse(
        cls,
        steps: int,
        mobility: str,
        reward: str,
        actions: str,
        parameters: Mapping[str, object],
    ) -> Setup:
        """Check everything.

        Raises:
            ParameterError: an option cannot be used; one sentence.
            TraceError: the trace cannot be used.
        """
        if isinstance(steps, bool) or not isinstance(steps, int) or not 1 <= steps <= _MOST_STEPS:
            raise ParameterError(f"steps={steps!r} is not possible: choose 1 to {_MOST_STEPS}.")
        for name, value, known in (("reward", reward, REWARDS), ("actions", actions, ACTIONS)):
            _check_choice(name, value, known)
        params = Params.parse(parameters)
        mobility = str(mobility)
        if mobility.endswith(".npz"):
            seconds = RecordedMobility(Path(mobility)).steps
            if seconds <= steps:
                raise ParameterError(
                    f"{mobility} holds {seconds} seconds, one more than an episode may have: "
                    f"choose steps up to {seconds - 1} or record a longer one."
                )
        else:
            _check_choice("mobility", mobility, ("synthetic", "sumo"), " or a trace (.npz)")
        names = entries(mobility, params, steps)
        return cls(params, steps, mobility, reward, ACTIONS[actions], names)

    @property
    def slots(self) -> int:
        """Most vehicles that are present at once."""
        return max(self.params.target_vehicles(t_s) for t_s in (0.0, _DENSEST_S))

    def open(self, seed: int) -> Episode:
        """An episode with everything random from this seed.

        Raises:
            MobilityLost: SUMO cannot be started.
        """
        params = replace(self.params, seed=seed)
        mobility = open_mobility(self.mobility, params)
        try:
            if self.mobility == "sumo":
                fill(mobility, params.target_vehicles(0.0))
            return Episode(params, mobility)
        except BaseException:
            mobility.close()
            raise


class Episodes:
    """The episodes of an environment, one at a time.

    Args:
        setup: of all of them.
    """

    def __init__(self, setup: Setup) -> None:
        self._setup = setup
        self._episode: Episode | None = None

    def begin(self, seed: int | None) -> Episode:
        """End the episode and begin another.

        Args:
            seed: of it, modulo 2^31, which other libraries may exceed; without one the first has
                the parameter, every other one a seed that follows from the one before.

        Raises:
            MobilityLost: SUMO cannot be started.
        """
        before = self._episode
        if seed is None:
            seed = self._setup.params.seed if before is None else _next_seed(before.params.seed)
        self.close()
        self._episode = self._setup.open(int(seed) % _SEEDS)
        return self._episode

    @property
    def now(self) -> Episode:
        """The episode at hand, also when it is over.

        Raises:
            RuntimeError: none has begun.
        """
        if self._episode is None:
            raise RuntimeError("There is no episode yet: call reset first.")
        return self._episode

    def close(self) -> None:
        """End the episode's mobility; safe to call twice."""
        if self._episode is not None:
            self._episode.close()


def _next_seed(seed: int) -> int:
    return int(sequence(seed, "next episode").generate_state(1)[0]) % _SEEDS


def _check_choice(name: str, value: object, known: Collection[str], more: str = "") -> None:
    if not isinstance(value, str) or value not in known:
        raise ParameterError(
            f"{name}={str(value)[:40]!r} is not possible: choose {', '.join(known)}{more}."
        )
