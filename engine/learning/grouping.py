"""Rows of many learners as one padded block (G, L), and back."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from engine.types import Ints


class Grouping:
    """Where each row stands in the block.

    Args:
        learner: of each row, in [0, G), (k,).
        learners: G.
    """

    def __init__(self, learner: Ints, learners: int) -> None:
        order = np.argsort(learner, kind="stable")
        counts = np.bincount(learner, minlength=learners)
        place = np.empty(len(learner), np.int64)
        place[order] = np.arange(len(learner)) - np.repeat(np.cumsum(counts) - counts, counts)
        self._learner, self._place = torch.from_numpy(learner), torch.from_numpy(place)
        self.shape = (learners, int(counts.max()) if len(learner) else 0)

    def block(self, rows: Tensor) -> Tensor:
        """(k, ...) to (G, L, ...), zeros where there is no row."""
        padded = rows.new_zeros((*self.shape, *rows.shape[1:]))
        padded[self._learner, self._place] = rows
        return padded

    def deals(self, deal: NDArray[np.float32]) -> Tensor:
        """Deals (k, 8) to (G, L, 8); padding gets ones, which divide by nothing harmful."""
        return self.block(torch.from_numpy(deal) - 1.0) + 1.0

    def rows(self, block: Tensor) -> Tensor:
        """(G, L, ...) to (k, ...)."""
        return block[self._learner, self._place]
