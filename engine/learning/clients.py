"""Vehicles as clients: who may train, how long that takes, and the training, (24), (41)-(43)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from engine.learning.federation import gradient_norm
from engine.types import Bools, Floats
from engine.units import GIGA, J_PER_WH

#: f_min, E_min, T_min of Table V.
LEAST_CPU_HZ: Final = 1.5 * GIGA
LEAST_BATTERY_J: Final = 150.0 * J_PER_WH
LEAST_STAY_S: Final = 2.0
#: Work of one local training, and what a core does in a cycle, MODEL A1 row 28.
TRAINING_FLOP: Final = 1e10
FLOP_PER_CYCLE: Final = 8.0
_LONGEST_STAY_S: Final = 600.0
_BITS: Final = 32.0

#: Loss of each client, (C,), from stacked parameters and the clients' data.
Loss = Callable[[Mapping[str, Tensor]], Tensor]


def eligible(cpu_hz: Floats, battery_j: Floats, stay_s: Floats) -> Bools:
    """Client selection, eq. (24), (n,)."""
    return (cpu_hz >= LEAST_CPU_HZ) & (battery_j >= LEAST_BATTERY_J) & (stay_s >= LEAST_STAY_S)


def stay_time(from_rsu_m: Floats, velocity_mps: Floats, range_m: float) -> Floats:
    """t_stay: until the vehicle leaves its RSU's disc straight ahead, at most 600 s, (n,).

    Args:
        from_rsu_m: position less that of the RSU, (n, 2).
        velocity_mps: (n, 2).
        range_m: radius.
    """
    square = (velocity_mps**2).sum(axis=1)
    along = (from_rsu_m * velocity_mps).sum(axis=1)
    left = range_m**2 - (from_rsu_m**2).sum(axis=1)
    root = np.sqrt(np.maximum(along**2 + square * left, 0.0))
    time = (root - along) / np.maximum(square, 1e-9)
    time = np.where(square > 0.0, np.minimum(time, _LONGEST_STAY_S), _LONGEST_STAY_S)
    return np.where(left < 0.0, 0.0, time)


def turnaround(cpu_hz: Floats, rate_bps: Floats, parameters: int) -> Floats:
    """Time from fetching a model to the arrival of its update: training and upload, s, (n,)."""
    training = TRAINING_FLOP / (FLOP_PER_CYCLE * cpu_hz)
    return training + _BITS * parameters / np.maximum(rate_bps, 1.0)


def model_bytes(parameters: int) -> int:
    """Size of a model or an update on the air."""
    return int(_BITS / 8.0) * parameters


def local_training(
    start: Mapping[str, Tensor],
    losses: Iterable[Loss],
    learning_rate: float,
    weight_decay: float = 0.0,
) -> tuple[dict[str, Tensor], NDArray[np.float64], Tensor]:
    """Train every client of a stack on its own batches, eq. (41) with Adam as Table V has it.

    Args:
        start: parameters of the clients, (C, ...) each; left alone.
        losses: one per batch, in order.
        learning_rate: of each client's fresh Adam.
        weight_decay: L2.

    Returns:
        Trained parameters, sigma_n (42)-(43) on the last batch (C,), and the first batch's losses.
    """
    leaves = {name: value.clone().requires_grad_(True) for name, value in start.items()}
    tensors = list(leaves.values())
    adam = torch.optim.Adam(tensors, lr=learning_rate, weight_decay=weight_decay, fused=True)
    first = torch.zeros(len(tensors[0]))
    for index, loss in enumerate(losses):
        each = loss(leaves)
        if index == 0:
            first = each.detach()
        adam.zero_grad(set_to_none=True)
        each.sum().backward()  # type: ignore[no-untyped-call]
        adam.step()
    norms = [t.grad.flatten(1).norm(dim=1) for t in tensors if t.grad is not None]
    return {name: leaf.detach() for name, leaf in leaves.items()}, gradient_norm(norms), first
