"""The transformer: eq. (26), masks, and the shortcut that computes the newest token alone."""

from __future__ import annotations

import math

import torch

from engine.models.layers import generator
from engine.models.transformer import Transformer, position_code, prediction_losses


def test_position_code_by_hand() -> None:
    code = position_code(10, 4)
    assert code[0].tolist() == [0.0, 1.0, 0.0, 1.0]
    assert torch.allclose(code[3], torch.tensor(
        [math.sin(3), math.cos(3), math.sin(0.03), math.cos(0.03)]))  # fmt: skip


def test_missing_tokens_have_no_influence() -> None:
    model = Transformer(5, generator(0))
    tokens = torch.randn(2, 10, 5, generator=generator(1))
    hidden = torch.zeros(2, 10, dtype=torch.bool)
    hidden[:, :4] = True
    other = tokens.clone()
    other[:, :4] = 7.0
    assert torch.allclose(model(tokens, hidden), model(other, hidden), atol=1e-6)
    assert not torch.allclose(model(tokens, ~hidden), model(other, ~hidden), atol=1e-3)


def test_the_newest_token_alone_gives_the_same() -> None:
    model = Transformer(5, generator(0)).double()
    tokens = torch.randn(3, 10, 5, generator=generator(1), dtype=torch.float64)
    hidden = torch.zeros(3, 10, dtype=torch.bool)
    x = model.embed(tokens) + model.positions
    for layer in model.layers:
        x = layer(x, hidden, newest_only=False)
    assert torch.allclose(model(tokens, hidden), model.head(x[:, -1]), atol=1e-12)


def test_without_a_task_only_the_wait_counts() -> None:
    losses = prediction_losses(torch.zeros(2, 4), torch.ones(2, 4), torch.tensor([1.0, 0.0]))
    assert (losses[0] > 0.0).all()
    assert losses[1].tolist()[1:] == [0.0, 0.0, 0.0]
    assert losses[1, 0] > 0.0
