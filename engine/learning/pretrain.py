"""w^(0): the common start of the federation, trained centrally on recorded samples, MODEL D.3."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from typing import Final

import numpy as np
import torch
from torch import Tensor

from engine.learning.clients import Loss, local_training
from engine.learning.federation import flatten
from engine.learning.forecast import CVAE_DECAY, Forecaster
from engine.learning.memory import Rows

BATCH: Final = 256
#: Learning rates one after the other, for an equal share of the steps each.
RATES: Final = (1e-3, 5e-4, 2e-4, 5e-5)


def pretrain(
    forecaster: Forecaster,
    rows: Rows,
    steps: int,
    seed: int,
    progress: Callable[[str], None] = lambda _: None,
    stepped: Callable[[int, int], None] = lambda _done, _of: None,
) -> Tensor:
    """Train the CVAE, then the transformer on its latents, on random batches.

    Args:
        forecaster: of either variant; begins at its start.
        rows: samples of all behaviours and loads, in any order, (k, WIDTH).
        steps: of Adam, for each of the two.
        seed: of batches and noise.
        progress: is told how far the losses have come.
        stepped: is told after each step how many are done, and of how many.

    Returns:
        Both models as one vector, (P,).
    """
    rng = np.random.default_rng(seed)
    had = rows[rows[:, -1] > 0.5]
    transformer, cvae = forecaster.models(forecaster.start()[None])
    each = steps // len(RATES)
    done = itertools.count(1)

    def times(make: Callable[[], Loss]) -> Iterator[Loss]:
        for _ in range(each):
            yield make()
            stepped(next(done), 2 * len(RATES) * each)

    for rate in RATES:

        def cvae_batch() -> Loss:
            return forecaster.cvae_loss(*_batch(had, rng), rng, [])

        cvae, _, loss = local_training(cvae, times(cvae_batch), rate, CVAE_DECAY)
        progress(f"CVAE at rate {rate:g}, loss was {loss.item():.3f}")
    for rate in RATES:

        def batch(cvae: dict[str, Tensor] = cvae) -> Loss:
            return forecaster.loss(cvae, *_batch(rows, rng))

        transformer, _, loss = local_training(transformer, times(batch), rate)
        progress(f"transformer at rate {rate:g}, loss was {loss.item():.3f}")
    return torch.cat([flatten(transformer), flatten(cvae)])


def _batch(rows: Rows, rng: np.random.Generator) -> tuple[Tensor, Tensor]:
    """Random samples of the one client there is, (1, BATCH, WIDTH), all of which count."""
    drawn = torch.from_numpy(rows[rng.integers(0, len(rows), BATCH)][None])
    return drawn, torch.ones(drawn.shape[:2], dtype=torch.bool)
