"""The transformer of Algorithm 1, the federated global model w, MODEL D.3."""

from __future__ import annotations

from typing import Final

import torch
from torch import Tensor, nn

from engine.models.layers import LayerNorm, Linear, Mlp

#: Tokens of the window: one a second, eq. (37).
WINDOW: Final = 10
#: Outputs of (30): mean wait at the RSU (scaled by 6), t/T, E/E_max, logit of success.
OUTPUTS: Final = 4


class Layer(nn.Module):
    """One encoder layer, post-norm, residual on both sub-layers, eqs. (27)-(29)."""

    def __init__(self, width: int, heads: int, hidden: int, generator: torch.Generator) -> None:
        super().__init__()
        self.heads = heads
        self.query = Linear(width, width, generator)
        self.key_value = Linear(width, 2 * width, generator)
        self.out = Linear(width, width, generator)
        self.feed_forward = Mlp((width, hidden, width), generator)  # (28)
        self.norm_attention = LayerNorm(width)
        self.norm_feed = LayerNorm(width)

    def forward(self, x: Tensor, hidden: Tensor, newest_only: bool) -> Tensor:
        """Tokens (..., T, d); `hidden` (..., T) marks those that are not there.

        With `newest_only` just the last token is computed, (..., 1, d): all that (30) reads.
        """
        asking = x[..., -1:, :] if newest_only else x
        key, value = self.key_value(x).chunk(2, dim=-1)
        mixed = self._attend(self.query(asking), key, value, hidden)
        mixed = self.norm_attention(asking + self.out(mixed))
        y: Tensor = self.norm_feed(mixed + self.feed_forward(mixed))
        return y

    def _attend(self, query: Tensor, key: Tensor, value: Tensor, hidden: Tensor) -> Tensor:
        """softmax(Q K' / sqrt(d_k)) V, eq. (27)."""
        q, k, v = (_split(tensor, self.heads) for tensor in (query, key, value))
        seen = ~hidden.reshape(-1, 1, 1, hidden.shape[-1])  # (B, 1, 1, T)
        mixed = nn.functional.scaled_dot_product_attention(q, k, v, attn_mask=seen)
        return mixed.transpose(-2, -3).reshape(query.shape)


class Transformer(nn.Module):
    """Window of twin rows in, what the next second brings out, eqs. (25)-(30).

    Args:
        inputs: width of a token.
        generator: draws the weights.
        width: d. heads, layers, hidden: of the encoder.
    """

    def __init__(
        self,
        inputs: int,
        generator: torch.Generator,
        width: int = 64,
        heads: int = 4,
        layers: int = 2,
        hidden: int = 128,
    ) -> None:
        super().__init__()
        self.embed = Linear(inputs, width, generator)  # (25)
        self.layers = nn.ModuleList(Layer(width, heads, hidden, generator) for _ in range(layers))
        self.head = Linear(width, OUTPUTS, generator)  # (30)
        self.register_buffer("positions", position_code(WINDOW, width), persistent=False)

    def forward(self, tokens: Tensor, hidden: Tensor) -> Tensor:
        """Predictions (..., 4) of tokens (..., T, inputs); `hidden` (..., T) marks missing ones."""
        positions: Tensor = self.positions  # type: ignore[assignment]
        x = self.embed(tokens) + positions.to(tokens.dtype)
        for index, layer in enumerate(self.layers):
            x = layer(x, hidden, newest_only=index == len(self.layers) - 1)
        y: Tensor = self.head(x[..., -1, :])
        return y


def position_code(length: int, width: int) -> Tensor:
    """Eq. (26), (length, width); the printed exponent 2j/d counts pairs, so 2 floor(j/2) / d."""
    place = torch.arange(length, dtype=torch.float64)[:, None]
    column = torch.arange(width)
    angle = place / 10000.0 ** (2 * (column // 2) / width)
    return torch.where(column % 2 == 0, angle.sin(), angle.cos()).to(torch.float32)


def prediction_losses(predicted: Tensor, target: Tensor, had_task: Tensor) -> Tensor:
    """Loss of each sample and output, (..., 4), MODEL D.3.

    Args:
        predicted: (..., 4).
        target: 6 w, min(t/T, 3), E/E_max, success, (..., 4).
        had_task: whether the vehicle had one; without, only the wait counts, (...,).
    """
    huber = nn.functional.smooth_l1_loss(predicted[..., :2], target[..., :2], reduction="none")
    squared = (predicted[..., 2:3] - target[..., 2:3]) ** 2
    entropy = nn.functional.binary_cross_entropy_with_logits(
        predicted[..., 3:], target[..., 3:], reduction="none"
    )
    losses = torch.cat([huber, squared, entropy], dim=-1)
    counts = had_task[..., None].expand_as(losses).clone()
    counts[..., 0] = 1.0
    return losses * counts


def _split(x: Tensor, heads: int) -> Tensor:
    """(..., T, d) to (B, heads, T, d / heads), clients and samples as one axis."""
    return x.reshape(-1, x.shape[-2], heads, x.shape[-1] // heads).transpose(-2, -3)
