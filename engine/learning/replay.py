"""The replay buffer D of Algorithm 4: one ring of rows for each learner."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

Rows = NDArray[np.float32]


class Replay:
    """Rings of equal capacity, one transition a row, so that a sample is one gather.

    Args:
        learners: G.
        capacity: rows kept for each.
        width: of a row.
    """

    def __init__(self, learners: int, capacity: int, width: int) -> None:
        self._rows = np.zeros((learners, capacity, width), np.float32)
        self._added = np.zeros(learners, np.int64)
        self.capacity = capacity

    @property
    def sizes(self) -> NDArray[np.int64]:
        """Rows each learner can sample from, (G,)."""
        return np.minimum(self._added, self.capacity)

    def add(self, learner: NDArray[np.int64], rows: Rows) -> None:
        """Append rows, the k-th to the ring of `learner[k]`; the oldest make room."""
        order = np.argsort(learner, kind="stable")
        whose, count = learner[order], np.bincount(learner, minlength=len(self._rows))
        place = np.arange(len(order)) - np.repeat(np.cumsum(count) - count, count)
        lasts = place >= count[whose] - self.capacity  # else overwritten by this very call
        whose, at = whose[lasts], (self._added[whose] + place)[lasts] % self.capacity
        self._rows[whose, at] = rows[order[lasts]]
        self._added += count

    def sample(self, batch: int, rng: np.random.Generator) -> Rows:
        """Rows drawn at random with replacement, (G, batch, width); every ring needs one."""
        if not self._added.all():
            raise ValueError("sample: a learner has no transition yet")
        at = rng.integers(0, self.sizes[:, None], (len(self._rows), batch))
        mine = np.arange(len(self._rows))[:, None]
        return np.asarray(self._rows[mine, at])

    def contents(self, learner: int) -> Rows:
        """What one ring holds, oldest first, (size, width)."""
        kept = int(self.sizes[learner])
        at = (self._added[learner] - kept + np.arange(kept)) % self.capacity
        return np.asarray(self._rows[learner, at])

    def state(self) -> dict[str, NDArray[Any]]:
        """Rings and what was ever added, for a checkpoint; the part never filled is left out."""
        filled = int(self.sizes.max(initial=0))
        return {"rows": self._rows[:, :filled].copy(), "added": self._added.copy()}

    def restore(self, state: Mapping[str, NDArray[Any]]) -> None:
        """Become what `state` described.

        Raises:
            ValueError: it is of another shape; nothing has changed then.
        """
        rows, added = state["rows"], state["added"]
        fits = rows.shape[::2] == self._rows.shape[::2] and rows.shape[1] <= self.capacity
        if not fits or added.shape != self._added.shape:
            raise ValueError("The replay is of another shape.")
        self._rows[:, : rows.shape[1]] = rows
        self._added[:] = added
