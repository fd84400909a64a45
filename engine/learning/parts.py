"""States made of the states of parts: JSON under the part's name, tensors under `part/tensor`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def gather(parts: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """One state of the states of parts, each with its arrays under "tensors"."""
    told: dict[str, Any] = {"tensors": {}}
    for name, state in parts.items():
        told[name] = {key: value for key, value in state.items() if key != "tensors"}
        for key, array in state["tensors"].items():
            told["tensors"][f"{name}/{key}"] = array
    return told


def part(state: Mapping[str, Any], name: str) -> dict[str, Any]:
    """The state of a part, as it was given to `gather`.

    Raises:
        KeyError: there is no such part.
    """
    lead = f"{name}/"
    mine = {k.removeprefix(lead): v for k, v in state["tensors"].items() if k.startswith(lead)}
    return {**state[name], "tensors": mine}
