"""AdFL's context for the agents, MODEL D.6: what the RSUs' models expect of the next second."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from engine.learning.features import CONTEXT
from engine.learning.forecast import Forecaster
from engine.learning.memory import Windows
from engine.rsus import COUNT
from engine.types import Floats, Observation

#: The two variants of the forecast by whether their tokens hold the CVAE's latent.
VARIANTS: Final[Mapping[bool, str]] = {True: "forecast.cvae", False: "forecast.plain"}
_SUCCESS, _HAS_TASK = 10, 12


class Foresight:
    """Predicts by the models at hand; without any, the context is zero.

    Args:
        models: of each variant, (M, P), or (1, P) for one that all RSUs share.
    """

    def __init__(self, models: Mapping[bool, Tensor]) -> None:
        self._models = dict(models)
        self._forecasters: dict[bool, Forecaster] = {}
        self._windows = Windows()
        #: AdFL's inputs of the last step, (n, .), None where AdFL was not used.
        self.window: NDArray[np.float32] | None = None

    def context(self, observation: Observation) -> Floats | None:
        """6 w_hat and the probability of success of each vehicle, (n, 2), None without forecast."""
        kind, o = observation.params.forecast, observation
        self.window = self._windows.take(o) if kind == "transformer" else None
        if kind == "off" or not len(o.vehicle):
            return None
        return self._persistent(o) if kind == "persistence" else self._predicted(o)

    def forget(self) -> None:
        """Another city begins: no window reaches back before it."""
        self._windows, self.window = Windows(), None

    def _predicted(self, observation: Observation) -> Floats | None:
        """By each task's RSU's model; vehicles without a task are not asked for."""
        cvae = observation.params.cvae
        models, window = self._models.get(cvae), self.window
        if models is None or window is None:
            return None
        forecaster = self._forecasters.get(cvae) or Forecaster(0, cvae=cvae)
        self._forecasters[cvae] = forecaster
        asked = np.flatnonzero(observation.has_task & (observation.serving >= 0))
        context = np.zeros((len(window), CONTEXT))
        if not len(asked):
            return context
        rsu, inputs = observation.serving[asked], torch.from_numpy(window[asked])
        predicted = forecaster.predict(models, rsu, inputs)
        context[asked, 0] = predicted[:, 0].double().numpy()
        context[asked, 1] = torch.sigmoid(predicted[:, 3]).double().numpy()
        return context

    @staticmethod
    def _persistent(observation: Observation) -> Floats:
        """The serving RSU's last wait, and how the vehicle's last task went (1 without any)."""
        history, serving = observation.history, observation.serving
        had = history[:, :, _HAS_TASK] > 0.5
        newest = had.shape[1] - 1 - np.argmax(had[:, ::-1], axis=1)
        success = history[np.arange(len(history)), newest, _SUCCESS]
        context = np.zeros((len(history), CONTEXT))
        context[:, 0] = np.where(serving >= 0, 6.0 * observation.rsus.last_wait_s[serving], 0.0)
        context[:, 1] = np.where(had.any(axis=1), success, 1.0)
        return context

    def take(self, weights: Mapping[str, NDArray[np.float32]]) -> None:
        """Models of single RSUs, under the variant's name and the RSU's number; others stay."""
        for cvae, variant in VARIANTS.items():
            mine = {k: v for k, v in weights.items() if k.startswith(f"{variant}.")}
            if not mine:
                continue
            models = self._models.get(cvae)
            if models is None:
                models = torch.zeros((1, len(next(iter(mine.values())))))
            if len(models) != COUNT:
                models = models[:1].repeat(COUNT, 1)
            for name, value in mine.items():
                models[int(name.rpartition(".")[2])] = torch.from_numpy(value)
            self._models[cvae] = models
