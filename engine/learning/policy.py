"""What a policy file holds: options, networks of one learner or all, and AdFL's models to start by.

Networks are stacked over learners, (G, ...), or are one model that all learners start from,
(1, ...). Of AdFL there is one flat vector for each variant, in `Forecaster.start`'s layout.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from engine.learning.adfl import AdflOptions
from engine.learning.agents import Acting, Agents
from engine.learning.algorithm import Algorithm, Ingredients, Settings
from engine.learning.checkpoint import CheckpointError
from engine.learning.exploration import Exploration
from engine.learning.features import CONTEXT, STATE
from engine.learning.forecast import Forecaster
from engine.learning.foresight import VARIANTS


@dataclass(frozen=True)
class Options:
    """How the agents learn.

    Attributes:
        settings: of the learners. exploration: at the first episode. adfl: of the forecast.
    """

    settings: Settings
    exploration: Exploration = field(default_factory=Exploration)
    adfl: AdflOptions = field(default_factory=AdflOptions)

    @classmethod
    def from_json(cls, raw: Mapping[str, Any], settings: type[Any]) -> Options:
        """As `dataclasses.asdict` gave it; `settings` is the class of that part."""
        return cls(
            settings=settings(**raw["settings"]),
            exploration=Exploration(**raw["exploration"]),
            adfl=AdflOptions(**raw["adfl"]),
        )


@dataclass(frozen=True)
class Policy:
    """Where a player and its learner start.

    Attributes:
        algorithm: whose it is. ingredients: that it was made for. options: see there.
        networks: by the names of `Agents.tensors`, (1 or G, ...).
        forecasts: w^(0) of each variant that is known, (P,); none with own ingredients.
    """

    algorithm: Algorithm[Any]
    ingredients: Ingredients
    options: Options
    networks: Mapping[str, Tensor]
    forecasts: Mapping[bool, Tensor]

    @classmethod
    def scratch(
        cls,
        algorithm: Algorithm[Any],
        seed: int,
        options: Options | None = None,
        ingredients: Ingredients = "equal",
    ) -> Policy:
        """Untrained networks, a function of the seed."""
        options = options or Options(algorithm.settings())
        one = dataclasses.replace(options.settings, learners=1)
        networks = dict(algorithm.agents(STATE + CONTEXT, one, seed).tensors())
        variants = VARIANTS if ingredients == "equal" else ()
        forecasts = {cvae: Forecaster(seed, cvae=cvae).start() for cvae in variants}
        return cls(algorithm, ingredients, options, networks, forecasts)

    @classmethod
    def of(
        cls,
        state: Mapping[str, Any],
        algorithm: Algorithm[Any],
        ingredients: Ingredients = "equal",
    ) -> Policy:
        """From what a file holds.

        Raises:
            CheckpointError: it is of another scheme, of other ingredients, or of another make or
                size.
        """
        found, scheme = state.get("scheme"), algorithm.scheme
        if found != scheme:
            made_for = f"of the scheme {found}" if isinstance(found, str) else "of another make"
            raise CheckpointError(f"The policy is {made_for}: {scheme} cannot use it.")
        made_with = state.get("ingredients", "equal")
        if made_with != ingredients:
            raise CheckpointError(
                f"The policy is of {scheme} with {made_with} ingredients: "
                f"with --ingredients {ingredients} it cannot be used."
            )
        try:
            options = Options.from_json(state["options"], algorithm.settings)
            shapes = cls.scratch(algorithm, 0, options, ingredients)
            tensors = state["tensors"]
            return cls(
                algorithm,
                ingredients,
                options,
                {
                    name: _fitting(tensors[name], (like.shape[1:]), options.settings.learners)
                    for name, like in shapes.networks.items()
                },
                {
                    cvae: _vector(tensors[VARIANTS[cvae]], len(start))
                    for cvae, start in shapes.forecasts.items()
                    if VARIANTS[cvae] in tensors
                },
            )
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise CheckpointError(
                "The policy is of another make or size: train it again."
            ) from error

    def foreseeing_by(self, state: Mapping[str, Any]) -> Policy:
        """The same with the AdFL of another policy file: its models, and how they go on to learn.

        Raises:
            CheckpointError: it holds none that fit.
        """
        try:
            tensors, adfl = state["tensors"], AdflOptions(**state["options"]["adfl"])
            forecasts = {
                cvae: _vector(tensors[VARIANTS[cvae]], len(start))
                for cvae, start in self.forecasts.items()
            }
        except (KeyError, TypeError, ValueError) as error:
            raise CheckpointError("The policy holds no models of AdFL that fit.") from error
        options = dataclasses.replace(self.options, adfl=adfl)
        return dataclasses.replace(self, options=options, forecasts=forecasts)

    def state(self) -> dict[str, Any]:
        """For `checkpoint.save_policy`."""
        tensors = {name: value.numpy().copy() for name, value in self.networks.items()}
        for cvae, vector in self.forecasts.items():
            tensors[VARIANTS[cvae]] = vector.numpy().copy()
        return {
            "scheme": self.algorithm.scheme,
            "ingredients": self.ingredients,
            "options": dataclasses.asdict(self.options),
            "tensors": tensors,
        }

    def agents(self) -> Agents:
        """The learning half, with these networks."""
        agents = self.algorithm.agents(STATE + CONTEXT, self.options.settings, 0)
        with torch.no_grad():
            for name, value in agents.tensors():
                value.copy_(self.networks[name].expand_as(value))
        return agents

    def acting(self) -> Acting:
        """The acting half, with these networks."""
        settings, networks = self.options.settings, self.networks
        acting = self.algorithm.acting(STATE + CONTEXT, settings, self.options.exploration)
        count = settings.learners
        acting.take({n: v.expand(count, *v.shape[1:]).numpy().copy() for n, v in networks.items()})
        return acting

    def averaged(self) -> Policy:
        """The federation's model alone: the mean of the learners' targets, in nets and targets.

        A network without a target is the mean of itself. Learners that no federation merges are
        no one model: they stay as they are.
        """
        if self.algorithm.aggregation == "none":
            return self
        networks = {}
        for name, value in self.networks.items():
            net, _, leaf = name.partition(".")
            target = f"{net.removesuffix('_target')}_target.{leaf}"
            networks[name] = self.networks.get(target, value).mean(dim=0, keepdim=True)
        return dataclasses.replace(self, networks=networks)


def _fitting(array: NDArray[np.float32], shape: tuple[int, ...], learners: int) -> Tensor:
    if array.shape[1:] != shape or len(array) not in (1, learners):
        raise ValueError("another size")
    return torch.from_numpy(array.copy())


def _vector(array: NDArray[np.float32], size: int) -> Tensor:
    if array.shape != (size,):
        raise ValueError("another size")
    return torch.from_numpy(array.copy())
