"""From a belief about the coming wait to the best split, in closed form and differentiable.

With the wait W at the server unknown, the delay of a split task is max((1 - rho) a, rho b + c + W)
(MODEL A3.4). Setting the derivative of its mean to zero, as for a newsvendor, puts the slack of the
server's way, (1 - rho) a - rho b - c, at the quantile (b + s T) / (a + b) of W, where s is what a
unit of rho adds in energy, price and toll. The belief: no wait with probability `idle`, else an
exponential one of mean `mean_s`.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import torch
from torch import Tensor

#: Columns of a deal, the closed form of one task at one server; see `engine.physics.offers`.
DEAL: Final = ("base", "a_s", "b_s", "c_s", "slope", "fixed", "deadline_s", "toll_unit")
#: Quantiles nearer to one go on along the tangent, so that a gradient leads back.
_STEEPEST: Final = 0.98
_LEAST_MEAN_S: Final = 1e-3


class Belief(NamedTuple):
    """What is believed of a server's queue, (...,) each.

    Attributes:
        idle: probability that nothing waits. mean_s: mean wait otherwise.
        crowd: expected sum of 1/T over those delayed; toll X = `toll_unit` rho `crowd`.
    """

    idle: Tensor
    mean_s: Tensor
    crowd: Tensor

    @classmethod
    def of(cls, raw: Tensor) -> Belief:
        """From three unbounded numbers, (..., 3)."""
        return cls(
            idle=0.5 * (1.0 + torch.tanh(raw[..., 0])),
            mean_s=_LEAST_MEAN_S + 0.2 * torch.nn.functional.softplus(raw[..., 1]),
            crowd=torch.nn.functional.softplus(raw[..., 2]),
        )


def cheapest_share(belief: Belief, deal: Tensor) -> Tensor:
    """rho of least expected social cost, in [0, 1]; gradients pass the clipping straight through.

    Args:
        belief: (...,) each.
        deal: columns as `DEAL`, (..., 8).
    """
    _, a, b, c, slope, _, deadline_s, toll_unit = deal.unbind(-1)
    burden = slope + toll_unit * belief.crowd
    level = (b + burden * deadline_s) / (a + b)
    rho = (a - c - quantile(belief, level)) / (a + b)
    return rho + (rho.clamp(0.0, 1.0) - rho).detach()


def social_cost(rho: Tensor, belief: Belief, deal: Tensor) -> Tensor:
    """Expected Omega + X at rho, eq. (22) and MODEL A3.9, (...,)."""
    base, a, b, c, slope, fixed, deadline_s, toll_unit = deal.unbind(-1)
    local = (1.0 - rho) * a
    slack = local - rho * b - c
    late = (1.0 - belief.idle) * belief.mean_s
    tail = torch.exp(-slack.clamp_min(0.0) / belief.mean_s)
    delay = torch.where(slack >= 0.0, local + late * tail, rho * b + c + late)
    burden = slope + toll_unit * belief.crowd
    sent = base + (delay - a) / deadline_s + burden * rho + fixed
    return torch.where(rho > 0.0, sent, base)


def quantile(belief: Belief, level: Tensor) -> Tensor:
    """The wait not exceeded with probability `level`; beyond 0.98 along the tangent, (...,)."""
    inner = level.clamp(0.0, _STEEPEST)
    left = (1.0 - inner) / (1.0 - belief.idle).clamp_min(1e-6)
    curve = -belief.mean_s * torch.log(left)
    beyond = belief.mean_s * (level - _STEEPEST).clamp_min(0.0) / (1.0 - _STEEPEST)
    return curve.clamp_min(0.0) + beyond


def wait_misfit(belief: Belief, wait_s: Tensor, crowd: Tensor) -> Tensor:
    """Negative log-likelihood of a wait that was seen, and a proper score of the crowd, (...,)."""
    idle = belief.idle.clamp(1e-6, 1.0 - 1e-6)
    waited = -torch.log(1.0 - idle) + belief.mean_s.log() + wait_s / belief.mean_s
    seen = torch.where(wait_s < 1e-6, -torch.log(idle), waited)
    return seen + belief.crowd - crowd * torch.log(belief.crowd + 1e-4)
