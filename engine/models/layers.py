"""Layers that run one client or a whole stack of clients, by the rank of their weights.

A parameter of shape (i, o) serves one client, (G, i, o) serves G: then every input carries G as its
first axis and client g's rows meet client g's weights alone. One batched product does the work, so
no loop and no vmap is needed, and a loss summed over clients has the clients' own gradients.

Where clients have unequal numbers of rows, `unequal_rows` spares the padding.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import pairwise
from typing import TypeVar

import torch
from torch import Tensor, nn

M = TypeVar("M", bound=nn.Module)


class Linear(nn.Module):
    """y = x W + b for x (..., i), or x (G, ..., i) when stacked."""

    def __init__(self, inputs: int, outputs: int, generator: torch.Generator) -> None:
        super().__init__()
        bound = 1.0 / math.sqrt(inputs)
        self.weight = nn.Parameter(_uniform((inputs, outputs), bound, generator))
        self.bias = nn.Parameter(_uniform((outputs,), bound, generator))
        self.counts: tuple[int, ...] = ()

    def forward(self, x: Tensor) -> Tensor:
        """Apply to the last axis."""
        if self.weight.dim() == 2:
            return x @ self.weight + self.bias
        if self.counts:
            return self._each(x)
        rows = x.reshape(x.shape[0], -1, x.shape[-1])  # (G, rows, i)
        y = torch.baddbmm(self.bias.unsqueeze(1), rows, self.weight)
        return y.reshape(*x.shape[:-1], -1)

    def _each(self, x: Tensor) -> Tensor:
        """Client by client; 20 small products cost less than padding all to the largest."""
        inner = x[0].numel() // x.shape[-1]
        rows = torch.split(x.reshape(-1, x.shape[-1]), [count * inner for count in self.counts])
        own = zip(self.bias.unbind(), rows, self.weight.unbind(), strict=True)
        y = torch.cat([torch.addmm(bias, mine, weight) for bias, mine, weight in own])
        return y.reshape(*x.shape[:-1], -1)


class LayerNorm(nn.Module):
    """Normalise the last axis, scale and shift; stacked weights are (G, d)."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(width))
        self.bias = nn.Parameter(torch.zeros(width))
        self.counts: tuple[int, ...] = ()

    def forward(self, x: Tensor) -> Tensor:
        """Apply to the last axis."""
        plain = nn.functional.layer_norm(x, x.shape[-1:])
        if self.weight.dim() == 1:
            return plain * self.weight + self.bias
        weight: Tensor = self.weight
        bias: Tensor = self.bias
        if self.counts:
            repeats = torch.tensor(self.counts)
            weight, bias = (value.repeat_interleave(repeats, dim=0) for value in (weight, bias))
        shape = (len(weight), *[1] * (x.dim() - 2), -1)
        return plain * weight.view(shape) + bias.view(shape)


class Mlp(nn.Module):
    """Linear layers with ReLU between them.

    Args:
        widths: input, hidden..., output.
        generator: draws the weights.
    """

    def __init__(self, widths: Sequence[int], generator: torch.Generator) -> None:
        super().__init__()
        self.layers = nn.ModuleList(Linear(i, o, generator) for i, o in pairwise(widths))

    def forward(self, x: Tensor) -> Tensor:
        """(..., widths[0]) to (..., widths[-1])."""
        for layer in self.layers[:-1]:
            x = torch.relu(layer(x))
        y: Tensor = self.layers[-1](x)
        return y


@contextmanager
def unequal_rows(module: nn.Module, counts: Sequence[int]) -> Iterator[None]:
    """Within, the stacked `module` takes its clients' rows one after the other, (sum of rows, ...).

    Args:
        module: whose weights are stacks of G.
        counts: rows of each client, (G,).
    """
    layers = [layer for layer in module.modules() if isinstance(layer, Linear | LayerNorm)]
    for layer in layers:
        layer.counts = tuple(counts)
    try:
        yield
    finally:
        for layer in layers:
            layer.counts = ()


def stacked(modules: Sequence[M]) -> M:
    """One module whose parameters are those of `modules` on a leading axis; the first is reused.

    All must be of one shape. The parts of the result share no memory with the modules given.
    """
    names = [name for name, _ in modules[0].named_parameters()]
    each = [dict(module.named_parameters()) for module in modules]
    values = {name: torch.stack([one[name].detach() for one in each]) for name in names}
    return with_parameters(modules[0], values)


def with_parameters(module: M, values: dict[str, Tensor]) -> M:
    """`module` itself, its parameters replaced by `values`, whose rank decides how it runs."""
    for name, value in values.items():
        path, _, leaf = name.rpartition(".")
        owner = module.get_submodule(path)
        setattr(owner, leaf, nn.Parameter(value))
    return module


def parameters_of(module: nn.Module) -> dict[str, Tensor]:
    """The parameters by name, detached copies."""
    return {name: value.detach().clone() for name, value in module.named_parameters()}


def generator(seed: int) -> torch.Generator:
    """A generator of its own; nothing here draws from torch's global one."""
    made = torch.Generator()
    made.manual_seed(seed)
    return made


def _uniform(shape: tuple[int, ...], bound: float, generator: torch.Generator) -> Tensor:
    return torch.empty(shape).uniform_(-bound, bound, generator=generator)
