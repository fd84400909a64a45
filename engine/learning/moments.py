"""The memory of Adam by name, so that training goes on as if it had never been interrupted."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

#: Networks by name, each with the Adam of its parameters.
Optimised = Mapping[str, tuple[nn.Module, torch.optim.Adam]]
#: What Adam keeps for each parameter.
_MOMENTS: Final = ("step", "exp_avg", "exp_avg_sq")


def moments_of(optimised: Optimised) -> dict[str, NDArray[np.float32]]:
    """What the optimisers remember, by network, parameter and kind."""
    kept = {}
    for network, (module, optimiser) in optimised.items():
        for name, value in module.named_parameters():
            for kind, tensor in optimiser.state[value].items():
                kept[f"{network}.{name}.{kind}"] = tensor.numpy().copy()
    return kept


def apply_moments(optimised: Optimised, moments: Mapping[str, NDArray[np.float32]]) -> None:
    """Take over what `moments_of` gave; without an entry a parameter's Adam starts anew.

    Raises:
        KeyError: a part of an entry is missing. RuntimeError: an entry is of another shape.
    """
    for network, (module, optimiser) in optimised.items():
        optimiser.state.clear()
        for name, value in module.named_parameters():
            start = f"{network}.{name}."
            if f"{start}step" not in moments:
                continue
            kept = {kind: torch.from_numpy(moments[start + kind].copy()) for kind in _MOMENTS}
            shapes = {"step": torch.Size(())}
            optimiser.state[value] = {
                kind: tensor.reshape(shapes.get(kind, value.shape)) for kind, tensor in kept.items()
            }


def apply_rate(optimised: Optimised, learning_rate: float) -> None:
    """Learning rate of all from now on."""
    for _, optimiser in optimised.values():
        for group in optimiser.param_groups:
            group["lr"] = learning_rate


def descend(optimiser: torch.optim.Optimizer, losses: Tensor) -> None:
    """One step down the sum of the learners' losses, (G,)."""
    optimiser.zero_grad(set_to_none=True)
    losses.sum().backward()  # type: ignore[no-untyped-call]
    optimiser.step()
