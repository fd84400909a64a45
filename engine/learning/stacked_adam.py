"""Adam for a stack of learners, each with its own count of steps and its own gradient norm.

`torch.optim.Adam` moves every learner of a stack at once, by momentum even those without a
gradient. Here a learner that has nothing to learn from stands still, so that G learners at once are
what each would be alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

_DECAY: Final = (0.9, 0.999)
#: As in the reference implementations of PPO; Adam's own default is 1e-8.
_EPSILON: Final = 1e-5
#: What is kept for each parameter: steps (G,), and the means of gradient and square (G, ...).
_MOMENTS: Final = ("step", "exp_avg", "exp_avg_sq")


class StackedAdam:
    """Adam (Kingma and Ba 2015) with the norm of each learner's whole gradient bounded.

    Args:
        module: its parameters are stacks (G, ...).
        learning_rate: alpha.
        max_norm: of a learner's gradient over all parameters.
    """

    def __init__(self, module: nn.Module, learning_rate: float, max_norm: float) -> None:
        self.learning_rate = learning_rate
        self._parameters = dict(module.named_parameters())
        self._max_norm = max_norm
        self._kept: dict[str, tuple[Tensor, ...]] = {}

    def step(self, losses: Tensor, active: Tensor) -> None:
        """One step of every active learner.

        Args:
            losses: of each, (G,).
            active: who moves, (G,) bool.
        """
        gradients = torch.autograd.grad(losses.sum(), list(self._parameters.values()))
        squares = [(each**2).reshape(len(active), -1).sum(dim=1) for each in gradients]
        norm = torch.stack(squares).sum(dim=0).sqrt()
        share = (self._max_norm / (norm + 1e-6)).clamp_max(1.0)
        with torch.no_grad():
            for (name, value), gradient in zip(self._parameters.items(), gradients, strict=True):
                self._move(name, value, gradient * _like(share, gradient), active)

    def _move(self, name: str, value: Tensor, gradient: Tensor, active: Tensor) -> None:
        was = self._kept.get(name) or (
            value.new_zeros(len(value)),
            torch.zeros_like(value),
            torch.zeros_like(value),
        )
        step = was[0] + active
        mean = was[1].lerp(gradient, 1.0 - _DECAY[0])
        square = was[2].lerp(gradient**2, 1.0 - _DECAY[1])
        rate = self.learning_rate / (1.0 - _DECAY[0] ** step)
        root = (square / _like(1.0 - _DECAY[1] ** step, value)).sqrt()
        moved = value - _like(rate, value) * mean / (root + _EPSILON)
        moves = _like(active, value)
        value.copy_(torch.where(moves, moved, value))
        self._kept[name] = (
            step,
            torch.where(moves, mean, was[1]),
            torch.where(moves, square, was[2]),
        )

    def moments(self) -> dict[str, NDArray[np.float32]]:
        """What is remembered, by parameter and kind."""
        return {
            f"{name}.{kind}": tensor.numpy().copy()
            for name, kept in self._kept.items()
            for kind, tensor in zip(_MOMENTS, kept, strict=True)
        }

    def set_moments(self, moments: Mapping[str, NDArray[np.float32]]) -> None:
        """Take over what `moments` gave; a parameter without an entry starts anew.

        Raises:
            KeyError: a part of an entry is missing. ValueError: an entry is of another shape.
        """
        kept = {}
        for name, value in self._parameters.items():
            if f"{name}.step" not in moments:
                continue
            found = [torch.from_numpy(moments[f"{name}.{kind}"].copy()) for kind in _MOMENTS]
            if [each.shape for each in found] != [value.shape[:1], value.shape, value.shape]:
                raise ValueError(f"The moments of {name} are of another shape.")
            kept[name] = tuple(found)
        self._kept = kept


def _like(each: Tensor, value: Tensor) -> Tensor:
    """One number a learner, (G,), to stand beside (G, ...)."""
    return each.view(-1, *[1] * (value.dim() - 1))
