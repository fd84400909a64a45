"""A stack of clients computes what its clients compute one by one."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import nn

from engine.models.actor_critic import Actor, Critic
from engine.models.cvae import CONTEXT, STATE, Cvae
from engine.models.layers import LayerNorm, Mlp, generator, stacked
from engine.models.split_head import DEAL
from engine.models.transformer import Transformer

CLIENTS, ROWS = 3, 5
EXACT = {"atol": 1e-12, "rtol": 1e-12}


def clients(make) -> list[nn.Module]:
    return [make(generator(seed)).double() for seed in range(CLIENTS)]


def draw(*shape: int) -> torch.Tensor:
    return torch.randn(*shape, generator=generator(9), dtype=torch.float64)


def deal(*shape: int) -> torch.Tensor:
    return draw(*shape, len(DEAL)).abs() * 0.3 + 0.1


CASES = {
    "mlp": (lambda g: Mlp((4, 8, 2), g), lambda: (draw(CLIENTS, ROWS, 4),)),
    "norm": (lambda _: LayerNorm(4), lambda: (draw(CLIENTS, ROWS, 6, 4),)),
    "actor": (lambda g: Actor(6, g, split=False), lambda: (draw(3, ROWS, 6), deal(3, ROWS))),
    "split actor": (lambda g: Actor(6, g, split=True), lambda: (draw(3, ROWS, 6), deal(3, ROWS))),
    "critic": (
        lambda g: Critic(6, g, split=False),
        lambda: (draw(3, ROWS, 6), draw(3, ROWS).sigmoid(), deal(3, ROWS)),
    ),
    "split critic": (
        lambda g: Critic(6, g, split=True),
        lambda: (draw(3, ROWS, 6), draw(3, ROWS).sigmoid(), deal(3, ROWS)),
    ),
    "transformer": (
        lambda g: Transformer(7, g, width=16, heads=2, hidden=8),
        lambda: (draw(3, ROWS, 10, 7), draw(3, ROWS, 10) > 0.7),
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_training_a_stack_is_training_each(case: str) -> None:
    make, inputs = CASES[case]
    alone, given = clients(make), inputs()
    together = stacked([copy.deepcopy(one) for one in alone])
    for _ in range(3):
        step([together], lambda module: module(*given).pow(2).flatten(1).mean(dim=1).sum())
        for index, one in enumerate(alone):
            mine = [tensor[index] for tensor in given]
            step([one], lambda module, mine=mine: module(*mine).pow(2).mean())
    for name, value in together.named_parameters():
        each = torch.stack([dict(one.named_parameters())[name] for one in alone])
        assert torch.allclose(value, each, **EXACT), name


def step(modules, loss) -> None:
    """SGD: Adam would turn rounding of zero gradients into whole steps."""
    for module in modules:
        module.zero_grad()
        loss(module).backward()
        with torch.no_grad():
            for value in module.parameters():
                if value.grad is not None:
                    value.sub_(0.1 * value.grad)


def test_a_stacked_cvae_has_each_ones_losses() -> None:
    alone = clients(lambda g: Cvae(g, latent=4))
    x, context = draw(CLIENTS, ROWS, STATE).sigmoid(), draw(CLIENTS, ROWS, CONTEXT).sigmoid()
    noise = draw(CLIENTS, ROWS, 4)
    together = stacked([copy.deepcopy(one) for one in alone])(x, context, noise)
    for index, one in enumerate(alone):
        mine = one(x[index], context[index], noise[index])
        assert torch.allclose(together.total[index], mine.total, **EXACT)


def test_weights_come_from_the_generator_alone() -> None:
    torch.manual_seed(1)
    one = Mlp((3, 3), generator(5))
    torch.manual_seed(2)
    other = Mlp((3, 3), generator(5))
    assert torch.equal(one.layers[0].weight, other.layers[0].weight)
