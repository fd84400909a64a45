"""The networks of a policy gradient: a normal distribution around an actor's rho, and V(s)."""

from __future__ import annotations

import math
from typing import Final

import torch
from torch import Tensor, nn

from engine.models.actor_critic import HIDDEN
from engine.models.layers import Mlp
from engine.models.split_head import DEAL

#: Below this, steps of Adam would move the mean by many deviations and what was drawn before would
#: say nothing of the policy any more; the exploration of the other schemes ends there, too.
LEAST_DEVIATION: Final = 0.02
_LOG_ROOT_TWO_PI: Final = 0.5 * math.log(2.0 * math.pi)


class Value(nn.Module):
    """V(s), the return expected from a state.

    Args:
        state: width of s.
        generator: draws the weights.
        split: see the task's deal besides.
    """

    def __init__(self, state: int, generator: torch.Generator, *, split: bool) -> None:
        super().__init__()
        self.split = split
        self.net = Mlp((state + len(DEAL) * split, HIDDEN, HIDDEN, 1), generator)

    def forward(self, state: Tensor, deal: Tensor) -> Tensor:
        """V, (...,), from s (..., S) and the task's deal (..., 8)."""
        seen = torch.cat([state, deal], dim=-1) if self.split else state
        value: Tensor = self.net(seen)[..., 0]
        return value


class GaussianPolicy(nn.Module):
    """pi(a | s) = N(mu(s), deviation^2), with V(s) beside it.

    The deviation is learnt, but the same in every state. Actions are not bounded here: whoever
    executes one clips it, and the density stays that of the one drawn.

    Args:
        actor: mu, (...,), of state and deal. value: V, likewise.
        deviation: at first, above the least.
    """

    def __init__(self, actor: nn.Module, value: nn.Module, deviation: float) -> None:
        super().__init__()
        self.actor = actor
        self.spread = nn.Parameter(torch.tensor(math.log(deviation - LEAST_DEVIATION)))
        self.value = value

    def deviation(self) -> Tensor:
        """Of each learner's actions, the same in every state: () or (G,)."""
        return LEAST_DEVIATION + self.spread.exp()

    def log_density(self, action: Tensor, mean: Tensor) -> Tensor:
        """Log pi of actions drawn around means, (..., B), a learner's rows on the last axis."""
        deviation = self.deviation().unsqueeze(-1)
        z = (action - mean) / deviation
        return -0.5 * z**2 - deviation.log() - _LOG_ROOT_TWO_PI

    def entropy(self) -> Tensor:
        """Of each learner's policy, the same in every state: () or (G,)."""
        return self.deviation().log() + 0.5 + _LOG_ROOT_TWO_PI
