"""Adam's moments as arrays, so that training resumed equals training not interrupted."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import torch
from numpy.typing import NDArray

from engine.learning.td3 import Td3

OPTIMISERS: Final = ("critic_optimiser", "actor_optimiser")


def adam_state(learners: Td3) -> dict[str, Any]:
    """Rates, and the moments and step counts of every parameter, copies."""
    rates: dict[str, float] = {}
    tensors: dict[str, NDArray[Any]] = {}
    for name in OPTIMISERS:
        told = getattr(learners, name).state_dict()
        rates[name] = float(told["param_groups"][0]["lr"])
        for index, moments in told["state"].items():
            for kind, value in moments.items():
                tensors[f"{name}.{index}.{kind}"] = value.numpy().copy()
    return {"rates": rates, "tensors": tensors}


def set_adam_state(learners: Td3, state: Mapping[str, Any]) -> None:
    """Become what `adam_state` described.

    Raises:
        KeyError, ValueError, RuntimeError: it is of other networks.
    """
    for name in OPTIMISERS:
        optimiser: torch.optim.Optimizer = getattr(learners, name)
        moments: dict[int, dict[str, torch.Tensor]] = {}
        for key, array in state["tensors"].items():
            owner, _, rest = key.partition(".")
            if owner == name:
                index, _, kind = rest.partition(".")
                moments.setdefault(int(index), {})[kind] = torch.from_numpy(array.copy())
        groups = optimiser.state_dict()["param_groups"]
        optimiser.load_state_dict({"state": moments, "param_groups": groups})
        for group in optimiser.param_groups:
            group["lr"] = state["rates"][name]
