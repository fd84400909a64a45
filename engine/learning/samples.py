"""The clients' data: a vehicle's sample is complete when the twins logged what came of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.learning.experience import Experience
from engine.learning.memory import Datasets, close_rows, open_rows
from engine.params import MAX_VEHICLES


class Samples:
    """Fills `data` step by step; both variants of AdFL learn from it."""

    def __init__(self) -> None:
        self.data = Datasets()
        self._owner = np.full(MAX_VEHICLES, -1)
        #: Number, slot, vehicle, serving RSU and rows of the step whose waits are not known yet.
        self._open: dict[str, NDArray[Any]] = {}

    def take(self, seen: Experience) -> None:
        """Complete the last step's samples and open this step's; a gap in between drops them."""
        new = self._owner[seen.slot] != seen.vehicle
        self.data.begin(seen.slot[new])
        self._owner[seen.slot] = seen.vehicle
        self._close(seen)
        window = seen.window
        if window is None:
            return
        rows = open_rows(window, seen.late, seen.energy, seen.success, seen.has_task)
        self._open = {
            "step": np.array([seen.step]),
            "slot": seen.slot,
            "vehicle": seen.vehicle,
            "serving": seen.serving,
            "rows": rows,
        }

    def _close(self, seen: Experience) -> None:
        was, self._open = self._open, {}
        if not was or was["step"][0] != seen.step - 1 or not seen.waits_known:
            return
        serving, rows = was["serving"], was["rows"]
        close_rows(rows, seen.last_wait_s[serving])
        stays = np.isin(was["vehicle"], seen.vehicle) & (serving >= 0)
        self.data.add(was["slot"][stays], rows[stays])

    def forget(self) -> None:
        """Another city begins: its vehicles are others, whatever their numbers."""
        self._owner[:] = -1
        self._open = {}

    def state(self) -> dict[str, Any]:
        """Everything, for a checkpoint."""
        told = {f"open.{name}": values for name, values in self._open.items()}
        return {"tensors": {"owner": self._owner, **self.data.tensors(), **told}}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Become what `state` described."""
        tensors = state["tensors"]
        self._owner = tensors["owner"]
        self.data.set_tensors(tensors)
        told = (name for name in tensors if name.startswith("open."))
        self._open = {name.removeprefix("open."): tensors[name] for name in told}
