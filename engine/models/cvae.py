"""The CVAE of Algorithm 2: a twin's state conditioned on its ten-second history, MODEL D.2."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import torch
from torch import Tensor, nn

from engine.models.layers import Mlp

#: Width of x_n (f, r, E, v_x, v_y, D, C, T in [0, 1]) and of the context c_n.
STATE: Final = 8
CONTEXT: Final = 16
#: Recommended latent size; the paper's 64 leaves most of them unused (MODEL A1 row 21).
LATENT: Final = 16
HIDDEN: Final = 128
#: Fixed variance of the decoder. With 0.5 (plain squares) the task's dimensions collapse.
VARIANCE: Final = 0.02
#: beta, the KL coefficient of Table V.
BETA: Final = 0.1
_LOG_VARIANCE: Final = (-8.0, 4.0)
#: A latent whose mean varies more than this carries information.
_ACTIVE: Final = 0.01


@dataclass(frozen=True)
class Losses:
    """Parts of the loss (40) per sample: reconstruction, KL, and their weighted sum."""

    reconstruction: Tensor
    kl: Tensor
    total: Tensor


class Cvae(nn.Module):
    """Encoder (38) and decoder (39), three layers each.

    Args:
        latent: Z.
        generator: draws the weights.
        dropout: on the hidden layers of the encoder.
    """

    def __init__(
        self, generator: torch.Generator, latent: int = LATENT, dropout: float = 0.0
    ) -> None:
        super().__init__()
        self.encoder = Mlp((STATE + CONTEXT, HIDDEN, HIDDEN, 2 * latent), generator)
        self.decoder = Mlp((latent + CONTEXT, HIDDEN, HIDDEN, STATE), generator)
        self.dropout = dropout

    def encode(self, x: Tensor, context: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and log-variance of z, eq. (38), (..., Z) each."""
        seen = torch.cat([x, context], dim=-1)
        seen = nn.functional.dropout(seen, self.dropout, self.training and self.dropout > 0.0)
        return moments(self.encoder(seen))

    def decode(self, z: Tensor, context: Tensor) -> Tensor:
        """Mean of x, eq. (39), in [0, 1], (..., 8)."""
        return torch.sigmoid(self.decoder(torch.cat([z, context], dim=-1)))

    def forward(self, x: Tensor, context: Tensor, noise: Tensor) -> Losses:
        """The loss (40), whose printed sign is of the bound to maximise; lower is better here.

        Args:
            x: (..., 8).
            context: (..., 16).
            noise: standard normal, (..., Z).
        """
        mean, log_variance = self.encode(x, context)
        rebuilt = self.decode(mean + noise * (0.5 * log_variance).exp(), context)
        reconstruction = ((x - rebuilt) ** 2).sum(dim=-1) / (2.0 * VARIANCE)
        kl = divergence(mean, log_variance)
        return Losses(reconstruction, kl, reconstruction + BETA * kl)


def moments(raw: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and log-variance from the encoder's output (..., 2 Z)."""
    mean, log_variance = raw.chunk(2, dim=-1)
    return mean, log_variance.clamp(*_LOG_VARIANCE)


def divergence(mean: Tensor, log_variance: Tensor) -> Tensor:
    """KL of N(mean, exp(log_variance)) from N(0, 1), at least 0, summed over the last axis."""
    parts = mean**2 + log_variance.exp() - 1.0 - log_variance
    return 0.5 * parts.sum(dim=-1).clamp_min(0.0)


def active_units(mean: Tensor) -> int:
    """How many latents vary over the samples, (samples, Z): Var of the mean above 0.01."""
    return int((mean.var(dim=0) > _ACTIVE).sum())
