"""What a policy file holds: options, networks of one learner or all, and AdFL's models to start by.

Networks are stacked over learners, (G, ...), or are one model that all learners start from,
(1, ...). Of AdFL there is one flat vector for each variant, in `Forecaster.start`'s layout.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from engine.learning.adfl import AdflOptions
from engine.learning.checkpoint import CheckpointError
from engine.learning.exploration import Exploration
from engine.learning.features import CONTEXT, STATE
from engine.learning.forecast import Forecaster
from engine.learning.foresight import VARIANTS
from engine.learning.td3 import Settings, Td3

#: Columns of the state that hold AdFL's context.
_CONTEXT_COLUMNS: Final = slice(STATE, STATE + CONTEXT)


@dataclass(frozen=True)
class Options:
    """How the agents learn.

    Attributes:
        settings: of the learners. exploration: at the first episode. adfl: of the forecast.
    """

    settings: Settings = field(default_factory=Settings)
    exploration: Exploration = field(default_factory=Exploration)
    adfl: AdflOptions = field(default_factory=AdflOptions)

    @classmethod
    def from_json(cls, raw: Mapping[str, Any]) -> Options:
        """As `dataclasses.asdict` gave it."""
        return cls(
            settings=Settings(**raw["settings"]),
            exploration=Exploration(**raw["exploration"]),
            adfl=AdflOptions(**raw["adfl"]),
        )


@dataclass(frozen=True)
class Policy:
    """Where a player and its learner start.

    Attributes:
        scheme: whose it is. options: see there.
        networks: by `Td3.tensors`' names, (1 or G, ...).
        forecasts: w^(0) of each variant that is known, (P,).
    """

    scheme: str
    options: Options
    networks: Mapping[str, Tensor]
    forecasts: Mapping[bool, Tensor]

    @classmethod
    def scratch(cls, scheme: str, seed: int, options: Options | None = None) -> Policy:
        """Untrained networks, a function of the seed."""
        options = options or Options()
        one = dataclasses.replace(options.settings, learners=1)
        networks = dict(Td3(STATE + CONTEXT, one, seed).tensors())
        forecasts = {cvae: Forecaster(seed, cvae=cvae).start() for cvae in VARIANTS}
        return cls(scheme, options, networks, forecasts)

    @classmethod
    def of(cls, state: Mapping[str, Any], scheme: str) -> Policy:
        """From what a file holds.

        Raises:
            CheckpointError: it is of another scheme, make or size.
        """
        found = state.get("scheme")
        if found != scheme:
            made_for = f"of the scheme {found}" if isinstance(found, str) else "of another make"
            raise CheckpointError(f"The policy is {made_for}: {scheme} cannot use it.")
        try:
            options = Options.from_json(state["options"])
            shapes = cls.scratch(scheme, 0, options)
            tensors = state["tensors"]
            return cls(
                scheme,
                options,
                {
                    name: _fitting(tensors[name], (like.shape[1:]), options.settings.learners)
                    for name, like in shapes.networks.items()
                },
                {
                    cvae: _vector(tensors[variant], len(shapes.forecasts[cvae]))
                    for cvae, variant in VARIANTS.items()
                    if variant in tensors
                },
            )
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise CheckpointError(
                "The policy is of another make or size: train it again."
            ) from error

    def state(self) -> dict[str, Any]:
        """For `checkpoint.save_policy`."""
        tensors = {name: value.numpy().copy() for name, value in self.networks.items()}
        for cvae, vector in self.forecasts.items():
            tensors[VARIANTS[cvae]] = vector.numpy().copy()
        options = dataclasses.asdict(self.options)
        return {"scheme": self.scheme, "options": options, "tensors": tensors}

    def averaged(self) -> Policy:
        """The federation's model alone: the mean of the learners' targets, in nets and targets."""
        networks = {}
        for name in self.networks:
            net, _, leaf = name.partition(".")
            target = f"{net.removesuffix('_target')}_target.{leaf}"
            networks[name] = self.networks[target].mean(dim=0, keepdim=True)
        return dataclasses.replace(self, networks=networks)

    def blind_to_context(self) -> Policy:
        """The same with no say for AdFL's context: for networks that were trained without it."""
        networks = {name: value.clone() for name, value in self.networks.items()}
        for name, value in networks.items():
            if name.endswith("net.layers.0.weight"):
                value[:, _CONTEXT_COLUMNS] = 0.0
        return dataclasses.replace(self, networks=networks)


def _fitting(array: NDArray[np.float32], shape: tuple[int, ...], learners: int) -> Tensor:
    if array.shape[1:] != shape or len(array) not in (1, learners):
        raise ValueError("another size")
    return torch.from_numpy(array.copy())


def _vector(array: NDArray[np.float32], size: int) -> Tensor:
    if array.shape != (size,):
        raise ValueError("another size")
    return torch.from_numpy(array.copy())
