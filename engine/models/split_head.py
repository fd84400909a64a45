"""From a belief about the coming wait to the best split, in closed form and differentiable.

With the wait W at the server unknown, the delay of a split task is max((1 - rho) a, rho b + c + W)
(MODEL A3.4). Setting the derivative of its mean to zero, as for a newsvendor, puts the slack of the
server's way, (1 - rho) a - rho b - c, at the quantile (b + s T) / (a + b) of W, where s is what a
unit of rho adds in energy, price and toll. The belief: no wait with probability `idle`, else an
exponential one of mean `mean_s`.
"""

from __future__ import annotations

from typing import Any, Final, NamedTuple

import torch
from torch import Tensor

#: Columns of a deal, the closed form of one task at one server; see `engine.physics.offers`.
DEAL: Final = ("base", "a_s", "b_s", "c_s", "slope", "fixed", "deadline_s", "toll_unit")
#: Quantiles nearer to one go on along the tangent, so that a gradient leads back.
_STEEPEST: Final = 0.98
_LEAST_MEAN_S: Final = 1e-3
#: The actor says no less, as the gradient of the cost ends at rho = 0; it is executed as none.
LEAST_SHARE: Final = 1e-3


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
            mean_s=_LEAST_MEAN_S + torch.sigmoid(raw[..., 1]),
            crowd=torch.nn.functional.softplus(raw[..., 2]),
        )


def cheapest_share(belief: Belief, deal: Tensor) -> Tensor:
    """The rho of least expected social cost, in [0.001, 1].

    Args:
        belief: (...,) each.
        deal: columns as `DEAL`, (..., 8).
    """
    _, a, b, c, slope, _, deadline_s, toll_unit = deal.unbind(-1)
    burden = slope + toll_unit * belief.crowd
    level = (b + burden * deadline_s) / (a + b)
    rho = (a - c - quantile(belief, level)) / (a + b)
    return _within(rho, LEAST_SHARE, 1.0)


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
    """The wait not exceeded with probability `level`; beyond 0.98 along the tangent, (...,).

    It is zero below `idle`.
    """
    inner = level.clamp(0.0, _STEEPEST)
    left = (1.0 - inner) / (1.0 - belief.idle).clamp_min(1e-6)
    curve = -belief.mean_s * torch.log(left)
    beyond = belief.mean_s * (level - _STEEPEST).clamp_min(0.0) / (1.0 - _STEEPEST)
    return _within(curve, 0.0, float("inf")) + beyond


class _Clip(torch.autograd.Function):
    """Clamp whose gradient is kept where descent leads back inside, and cut where it leads away.

    Without the first a belief that once says all or nothing could not be left; without the second
    it would grow for ever.
    """

    @staticmethod
    def forward(ctx: Any, x: Tensor, low: float, high: float) -> Tensor:
        ctx.save_for_backward(x < low, x > high)
        return x.clamp(low, high)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, None, None]:
        below, above = ctx.saved_tensors
        (grad,) = grads
        away = (below & (grad > 0.0)) | (above & (grad < 0.0))
        return grad.masked_fill(away, 0.0), None, None


def _within(x: Tensor, low: float, high: float) -> Tensor:
    clipped: Tensor = _Clip.apply(x, low, high)  # type: ignore[no-untyped-call]
    return clipped
