"""The actor and the twin critics of Algorithm 4, each in a plain form and one that knows the split.

Plain: the actor's last tanh gives rho = (1 + tanh u) / 2, a critic is a network of (s, a). With the
split, networks say what they believe of the coming wait (`split_head.Belief`); the actor's rho is
its best reply, and a critic's Q(s, a) is the reward of the expected social cost at a. Both forms
are trained by the same equations (48)-(55).
"""

from __future__ import annotations

from typing import Final, Literal

import torch
from torch import Tensor, nn

from engine.models.layers import Mlp
from engine.models.split_head import DEAL, Belief, cheapest_share, social_cost

#: R1 = 1/Omega (53), R2 = -Omega, R3 = 1/(Omega + X), R3n = -(Omega + X), MODEL A3.9.
Reward = Literal["R1", "R2", "R3", "R3n"]
HIDDEN: Final = 64
#: Where the actor starts: rho = 0.22 (plain), or a half-idle queue with waits of 0.1 s (split).
_PLAIN_START: Final = -0.55
_SPLIT_START: Final = (0.0, -2.2, 0.0)
#: The last layer starts small, so that the start is one policy for all states.
_LAST_SCALE: Final = 0.1


class Actor(nn.Module):
    """mu_theta(s): the offloading fraction, eq. (47).

    Args:
        state: width of s.
        generator: draws the weights.
        split: reply to a belief in closed form.
    """

    def __init__(self, state: int, generator: torch.Generator, *, split: bool) -> None:
        super().__init__()
        self.split = split
        start = _SPLIT_START if split else (_PLAIN_START,)
        self.net = Mlp((state, HIDDEN, HIDDEN, len(start)), generator)
        _start_at(self.net, start)

    def forward(self, state: Tensor, deal: Tensor) -> Tensor:
        """Rho in [0, 1], (...,), from s (..., S) and the task's deal (..., 8)."""
        raw = self.net(state)
        if self.split:
            return cheapest_share(Belief.of(raw), deal)
        return 0.5 * (1.0 + torch.tanh(raw[..., 0]))

    def strain(self, state: Tensor) -> Tensor:
        """u^2 of the plain actor's last layer, whose tanh must not saturate; 0 with the split."""
        if self.split:
            return torch.zeros(())
        strain: Tensor = (self.net(state)[..., 0] ** 2).mean(dim=-1)
        return strain


class Critic(nn.Module):
    """Q_theta(s, a).

    Args:
        state: width of s.
        generator: draws the weights.
        split: by way of a belief of the wait.
        reward: what Q is the value of; only the split critic needs to know.
    """

    def __init__(
        self, state: int, generator: torch.Generator, *, split: bool, reward: Reward = "R3"
    ) -> None:
        super().__init__()
        self.split = split
        self.reward = reward
        widths = (state, HIDDEN, HIDDEN, 4) if split else (state + 1, HIDDEN, HIDDEN, 1)
        self.net = Mlp(widths, generator)
        if split:
            _start_at(self.net, (*_SPLIT_START, 0.0))

    def forward(self, state: Tensor, rho: Tensor, deal: Tensor) -> Tensor:
        """Q, (...,), from s (..., S), rho (...,) and the task's deal (..., 8)."""
        if not self.split:
            value: Tensor = self.net(torch.cat([state, rho[..., None]], dim=-1))[..., 0]
            return value
        return self._believed(self.net(state), rho, deal)

    def of_each(self, state: Tensor, rho: Tensor, deal: Tensor) -> Tensor:
        """Q of L shares of every task by the split critic, (..., L), from rho (L,)."""
        return self._believed(self.net(state).unsqueeze(-2), rho, deal.unsqueeze(-2))

    def _believed(self, raw: Tensor, rho: Tensor, deal: Tensor) -> Tensor:
        """Q by the last layer (..., 4), as far as shapes broadcast."""
        belief = Belief.of(raw)
        if self.reward in ("R1", "R2"):
            belief = belief._replace(crowd=torch.zeros_like(belief.crowd))
        return rewarded(social_cost(rho, belief, deal), self.reward) + raw[..., 3]


def rewarded(cost: Tensor, reward: Reward) -> Tensor:
    """The reward of a cost, the toll already in it where it counts, (...,)."""
    return -cost if reward in ("R2", "R3n") else 1.0 / cost.clamp_min(0.05)


def _start_at(net: Mlp, start: tuple[float, ...]) -> None:
    last = net.layers[-1]
    with torch.no_grad():
        last.weight.mul_(_LAST_SCALE)  # type: ignore[operator]
        last.bias.copy_(torch.tensor(start))  # type: ignore[operator]


__all__ = ["DEAL", "Actor", "Critic", "Reward", "rewarded"]
