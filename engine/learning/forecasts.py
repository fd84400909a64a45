"""Both variants of AdFL as part of one learner: they share the clients' data, not the models."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from engine.learning.adfl import Adfl, AdflOptions
from engine.learning.experience import Experience
from engine.learning.forecast import Forecaster
from engine.learning.foresight import VARIANTS
from engine.learning.parts import gather, part
from engine.learning.rounds import Round
from engine.learning.samples import Samples
from engine.rsus import mesh

#: Loss beyond which learning is taken to have exploded.
EXPLODED: Final = 1e6


class Forecasts:
    """Learns whichever variant the switch `cvae` asks for; the other one rests.

    Args:
        starts: w^(0) of each variant, (P,); without any, nothing is learnt.
        options: of the federation.
        seed: of the CVAE's noise.
    """

    def __init__(self, starts: Mapping[bool, Tensor], options: AdflOptions, seed: int) -> None:
        self._samples = Samples()
        self._variants = {
            cvae: Adfl(
                Forecaster(0, cvae=cvae), start, mesh(), self._samples.data, options, seed + cvae
            )
            for cvae, start in starts.items()
        }
        self._sent: dict[bool, Tensor] = {}
        #: Variants whose models moved since they were last sent, and in the last step.
        self._unsent = set(self._variants)
        self._moved: set[bool] = set()

    def learn(self, seen: Experience) -> tuple[dict[str, float], tuple[Round, ...]]:
        """Advance the variant in force by a step; losses by name and the rounds there were."""
        if not self._variants:
            return {}, ()
        self._samples.take(seen)
        self._moved = set()
        if seen.window is None:
            return {}, ()
        adfl = self._variants[seen.cvae]
        adfl.learn(seen)
        rounds = tuple(adfl.take_rounds())
        if rounds:
            self._moved = {seen.cvae}
            self._unsent.add(seen.cvae)
        return adfl.losses, rounds

    def exploded(self, losses: Mapping[str, float], *, all_models: bool) -> bool:
        """Whether these losses, or the models that moved (or all of them), are beyond use."""
        if any(not math.isfinite(v) or abs(v) > EXPLODED for v in losses.values()):
            return True
        looked_at = self._variants if all_models else self._moved
        # Of numbers alone is a sum a number, and it is found in a tenth of the time.
        return not all(bool(self._variants[cvae].models.sum().isfinite()) for cvae in looked_at)

    def models(self) -> dict[bool, Tensor]:
        """Copies of all models, (M, P) of each variant, for `go_back`."""
        return {cvae: adfl.models.clone() for cvae, adfl in self._variants.items()}

    def go_back(self, models: Mapping[bool, Tensor]) -> None:
        """Drop what was learnt since `models`."""
        for cvae, kept in models.items():
            self._variants[cvae].go_back(kept)
        self._unsent = set(self._variants)

    def begin_episode(self) -> None:
        """Another city and its clock begin; the models stay."""
        self._samples.forget()
        for adfl in self._variants.values():
            adfl.begin_episode()

    def weights(self) -> dict[str, NDArray[np.float32]]:
        """The models of RSUs that have changed since the last call, by variant and number."""
        told = {}
        for cvae in sorted(self._unsent):
            adfl = self._variants[cvae]
            sent = self._sent.setdefault(cvae, torch.full_like(adfl.models, torch.nan))
            changed = (adfl.models != sent).any(dim=1).nonzero()[:, 0]
            sent[changed] = adfl.models[changed]
            for m in changed.tolist():
                told[f"{VARIANTS[cvae]}.{m:02d}"] = adfl.models[m].numpy().copy()
        self._unsent = set()
        return told

    def mean(self) -> dict[bool, Tensor]:
        """The federation's model of each variant: the mean over RSUs, (P,)."""
        return {cvae: adfl.models.mean(dim=0) for cvae, adfl in self._variants.items()}

    def state(self) -> dict[str, Any]:
        """Everything, for a checkpoint."""
        parts = {VARIANTS[cvae]: adfl.state() for cvae, adfl in self._variants.items()}
        return gather({"samples": self._samples.state(), **parts})

    def restore(self, state: Mapping[str, Any]) -> None:
        """Become what `state` described."""
        self._samples.restore(part(state, "samples"))
        for cvae, adfl in self._variants.items():
            adfl.restore(part(state, VARIANTS[cvae]))
        self._sent, self._unsent = {}, set(self._variants)
