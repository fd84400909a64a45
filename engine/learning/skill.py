"""How well the next second is foretold: R^2 and AUC, beside plain baselines, MODEL D.1."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np

from engine.learning.memory import TARGET, TOKEN
from engine.learning.recording import Recorded
from engine.models.cvae import STATE
from engine.models.transformer import WINDOW
from engine.types import Bools, Floats

#: What is foretold, in the order of the transformer's outputs.
TARGETS: Final = ("wait", "late", "energy", "success")
_WAIT_10S: Final = STATE + 5 + 1


@dataclass(frozen=True)
class Skill:
    """Of one forecast on one recording.

    Attributes:
        wait, late, energy: R^2 of 6 w, min(t/T, 3) and E/E_max; 0 is as good as the mean of what is
            tested, which nobody knows beforehand, and the worse the lower.
        auc: chance that a success is thought likelier than a failure. accuracy: at one half.
    """

    wait: float
    late: float
    energy: float
    auc: float
    accuracy: float


def skill(predicted: Floats, recorded: Recorded) -> Skill:
    """Judge a forecast: the wait on all samples, the others on those with a task.

    Args:
        predicted: 6 w, min(t/T, 3), E/E_max and the probability of success, (k, 4).
        recorded: what came.
    """
    target, had = _targets(recorded)
    success = target[had, 3] > 0.5
    chance = predicted[had, 3]
    return Skill(
        wait=r_squared(predicted[:, 0], target[:, 0]),
        late=r_squared(predicted[had, 1], target[had, 1]),
        energy=r_squared(predicted[had, 2], target[had, 2]),
        auc=auc(chance, success),
        accuracy=float(((chance > 0.5) == success).mean()),
    )


def baselines(recorded: Recorded, mean: Floats) -> Mapping[str, Floats]:
    """What can be said without learning, (k, 4) each.

    Args:
        recorded: what to foretell.
        mean: of the four targets elsewhere, (4,): `means` of other recordings.

    Returns:
        `persistence`: the last wait logged, and how the vehicle's last task went; `10-s mean`:
        (37); `mean`. A vehicle without a task in its window gets the mean.
    """
    at = WINDOW * TOKEN
    tokens = recorded.rows[:, :at].reshape(-1, WINDOW, TOKEN).astype(np.float64)
    came = tokens[:, :, STATE : STATE + 3].copy()  # (k, T, 3): t/T by three, E, success
    came[:, :, 0] *= 3.0
    had = tokens[:, :, STATE + 4]
    count = had.sum(axis=1)
    newest = WINDOW - 1 - np.argmax(had[:, ::-1], axis=1)
    last = came[np.arange(len(came)), newest]
    averaged = (came * had[:, :, None]).sum(axis=1) / np.maximum(count, 1.0)[:, None]
    none = (count == 0.0)[:, None]
    waits = recorded.last_wait[:, None].astype(np.float64), tokens[:, -1, _WAIT_10S, None]
    return {
        "persistence": np.concatenate([waits[0], np.where(none, mean[1:], last)], axis=1),
        "10-s mean": np.concatenate([waits[1], np.where(none, mean[1:], averaged)], axis=1),
        "mean": np.tile(mean, (len(tokens), 1)),
    }


def means(recorded: Recorded) -> Floats:
    """Of the four targets, the last three over samples with a task, (4,)."""
    target, had = _targets(recorded)
    return np.concatenate([target[:, :1].mean(axis=0), target[had, 1:].mean(axis=0)])


def r_squared(predicted: Floats, came: Floats) -> float:
    """1 - sum of squared errors by that of the mean; NaN where nothing varies."""
    varied = ((came - came.mean()) ** 2).sum()
    return float(1.0 - ((came - predicted) ** 2).sum() / varied) if varied > 0.0 else float("nan")


def auc(score: Floats, positive: Bools) -> float:
    """Area under the ROC curve, ties counted half; NaN where only one kind came."""
    ones, zeros = int(positive.sum()), int((~positive).sum())
    if not ones or not zeros:
        return float("nan")
    _, place, count = np.unique(score, return_inverse=True, return_counts=True)
    rank = np.cumsum(count) - 0.5 * (count - 1)  # mean rank of equal scores
    return float((rank[place][positive].sum() - ones * (ones + 1) / 2.0) / (ones * zeros))


def _targets(recorded: Recorded) -> tuple[Floats, Bools]:
    target = recorded.rows[:, -TARGET:].astype(np.float64)
    return target[:, :4], target[:, 4] > 0.5
