"""The researcher's door: the city as an environment of other libraries, an agent a vehicle.

They are imported when asked for; the extra `envs` brings PettingZoo and Gymnasium.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from engine.envs.parallel import OffloadingEnv
    from engine.envs.vector import OffloadingVecEnv

_PACKAGES: Final = {
    "pettingzoo": "pettingzoo",
    "gymnasium": "gymnasium",
    "stable_baselines3": "stable-baselines3",
}


def parallel_env(
    *,
    steps: int = 200,
    mobility: str = "synthetic",
    reward: str = "R3",
    actions: str = "rho",
    render_mode: None = None,
    **parameters: object,
) -> OffloadingEnv:
    """The city as PettingZoo's `iov_offloading_v0`, see `engine.envs.parallel`.

    Args:
        steps: seconds of an episode.
        mobility: `synthetic` (the paper's motion, ready at once), `sumo` (real traffic; an episode
            begins when the city is full) or a trace (.npz), whose motion every episode repeats.
        reward: `R1`, `R2`, `R3` or `R3n`, see `engine.envs.rewards`.
        actions: `rho`, `levels` or `rho+target`, see `engine.envs.actions`.
        render_mode: the page draws the city, this does not.
        parameters: any of the schema, `engine.params`; `seed` is of the first episode.

    Raises:
        ImportError: PettingZoo or Gymnasium is missing.
        ValueError: an option cannot be used; one sentence.
    """
    with _missing():
        from engine.envs.parallel import OffloadingEnv  # noqa: PLC0415
        from engine.envs.setup import Setup  # noqa: PLC0415
    if render_mode is not None:
        raise ValueError(f"render_mode={render_mode!r} is not possible: choose None.")
    return OffloadingEnv(Setup.parse(steps, mobility, reward, actions, parameters))


def vec_env(
    *,
    steps: int = 200,
    mobility: str = "synthetic",
    reward: str = "R3",
    actions: str = "rho",
    **parameters: object,
) -> OffloadingVecEnv:
    """The same city as a Stable-Baselines3 VecEnv, one row a slot, see `engine.envs.vector`.

    Arguments and errors are those of `parallel_env`; `rho+target` is nothing that Stable-Baselines3
    can learn.
    """
    with _missing():
        from engine.envs.setup import Setup  # noqa: PLC0415
        from engine.envs.vector import OffloadingVecEnv  # noqa: PLC0415
    return OffloadingVecEnv(Setup.parse(steps, mobility, reward, actions, parameters))


@contextmanager
def _missing() -> Iterator[None]:
    """Say what to install where a library of the environments is missing."""
    try:
        yield
    except ImportError as error:
        package = (error.name or "").partition(".")[0]
        if package not in _PACKAGES:
            raise
        raise ImportError(
            f"The environment needs {package}: pip install {_PACKAGES[package]}", name=package
        ) from None
