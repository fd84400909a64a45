"""Rows of many learners as one padded block (G, L), and back."""

from __future__ import annotations

import numpy as np
import torch
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

    def rows(self, block: Tensor) -> Tensor:
        """(G, L, ...) to (k, ...)."""
        return block[self._learner, self._place]


def alike(counts: Ints, most: int) -> list[Ints]:
    """Learners that have rows, in sets whose numbers of rows are within a factor of two.

    Blocks of such sets are at least half full, however unequal the learners are.

    Args:
        counts: rows of each learner, (G,).
        most: rows of a set, padding included, so that a block's numbers stay in the cache.
    """
    order = [g for g in np.argsort(-counts, kind="stable").tolist() if counts[g]]
    sets: list[list[int]] = []
    for g in order:
        tallest = counts[sets[-1][0]] if sets else 0
        if not sets or 2 * counts[g] < tallest or (len(sets[-1]) + 1) * tallest > most:
            sets.append([])
        sets[-1].append(g)
    return [np.array(each) for each in sets]
