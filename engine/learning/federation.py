"""Aggregation: how updates of clients become one model, eqs. (31), (34), (43)-(44), MODEL D.4-D.5.

Models are flat vectors here, (P,), or (k, P) for k of them; `flatten` and `unflatten` translate.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from engine.types import Bools, Floats, Ints

#: uniform is (44), size (31)/(34), full adds staleness and the gradient norm's acceptance.
Weighting = Literal["uniform", "size", "full"]
#: An update is never refused if it is among this many of the largest norms.
LEAST_KEPT: Final = 3
#: Weight of a client's model in asynchronous mixing, before staleness.
ASYNCHRONOUS_SHARE: Final = 0.6


def accepted(norms: Floats, sigma_min: float) -> Bools:
    """Which updates count: sigma_min <= sigma_n <= median + 3 MAD; three at least, MODEL D.5."""
    if not len(norms):
        return np.zeros(0, bool)
    finite = np.isfinite(norms)
    usual = norms[finite]
    if not len(usual):
        return finite
    median = np.median(usual)
    spread = np.median(np.abs(usual - median))
    below = finite & (norms <= median + 3.0 * spread)
    kept: Bools = below & (norms >= sigma_min)
    rank = np.argsort(np.where(below, norms, -1.0), kind="stable")[::-1]
    kept[rank[: min(LEAST_KEPT, int(below.sum()))]] = True
    return kept


def weights(samples: Floats, staleness: Floats, kept: Bools, rule: Weighting = "full") -> Floats:
    """alpha_n, normalised to a sum of one; zeros if nobody is kept, (k,).

    Args:
        samples: |D_n|.
        staleness: versions that passed since the client fetched its model.
        kept: accepted by the norm's rule; counts under `full` only.
        rule: see `Weighting`.
    """
    alpha = np.ones(len(samples)) if rule == "uniform" else samples.astype(np.float64)
    if rule == "full":
        alpha = alpha * (1.0 + staleness) ** -0.5 * kept
    total = alpha.sum()
    return alpha / total if total > 0.0 else alpha


def aggregate(model: Tensor, deltas: Tensor, alpha: Floats, server_rate: float = 1.0) -> Tensor:
    """The model w + eta_g sum_n alpha_n Delta w_n, (P,); updates that are no numbers have no say.

    Args:
        model: w, (P,).
        deltas: (k, P).
        alpha: sums to one, (k,).
        server_rate: eta_g.
    """
    used = alpha > 0.0
    if not used.any():
        return model
    share = torch.from_numpy(alpha[used]).to(deltas.dtype)
    return model + server_rate * (share @ deltas[torch.from_numpy(used)])


def asynchronous_share(staleness: float) -> float:
    """A = 0.6 (1 + s)^-0.5: the say of one late arrival, MODEL D.4.6."""
    return float(ASYNCHRONOUS_SHARE * (1.0 + staleness) ** -0.5)


def metropolis(neighbours: Ints) -> Floats:
    """Symmetric, doubly stochastic weights of a mesh: W_ij = 1 / (1 + max degree), (M, M).

    Args:
        neighbours: (M, 4), -1 where there is none.
    """
    count = len(neighbours)
    degree = (neighbours >= 0).sum(axis=1)
    mix = np.zeros((count, count))
    for m, row in enumerate(neighbours):
        for k in row[row >= 0]:
            mix[m, k] = 1.0 / (1.0 + max(degree[m], degree[k]))
    mix[np.arange(count), np.arange(count)] = 1.0 - mix.sum(axis=1)
    return mix


def disagreement(models: Tensor) -> float:
    """Mean distance of the RSUs' models (M, P) from their mean."""
    return float((models - models.mean(dim=0)).norm(dim=1).mean())


def gradient_norm(norms: Sequence[Tensor]) -> NDArray[np.float64]:
    """sigma_n, eq. (43) with equal weights of the layers, from (42): layers of (k,) to (k,)."""
    return torch.stack(list(norms)).mean(dim=0).double().numpy()


def flatten(parameters: Mapping[str, Tensor], *, models: int | None = None) -> Tensor:
    """One vector (P,), or (models, P) if every parameter has that many in front."""
    if models is None:
        return torch.cat([value.reshape(-1) for value in parameters.values()])
    return torch.cat([value.reshape(models, -1) for value in parameters.values()], dim=1)


def unflatten(vector: Tensor, like: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The parameters that `flatten` made a vector of, (..., P); `like` are those of one model."""
    sizes = [value.numel() for value in like.values()]
    parts = torch.split(vector, sizes, dim=-1)
    lead = vector.shape[:-1]
    return {
        name: part.reshape(*lead, *value.shape)
        for (name, value), part in zip(like.items(), parts, strict=True)
    }
