"""Federation of learners, lines 19-24 of Algorithm 4: all their networks, targets included."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
import torch
from torch import Tensor

from engine.learning import clients, federation
from engine.learning.rounds import Round
from engine.learning.triggers import Asynchronous, Fired, SemiSynchronous, Synchronous, Trigger
from engine.types import Bools, Floats, Ints

_TRIGGERS: Final[dict[str, Trigger]] = {
    "semi": SemiSynchronous(),
    "sync": Synchronous(),
    "async": Asynchronous(),
}


class Averaging:
    """Keeps the federation's model and what each learner last fetched of it.

    Args:
        values: every parameter of the learners, (G, ...), the networks' own memory.
    """

    def __init__(self, values: Sequence[Tensor]) -> None:
        self._values = values
        self._count = len(values[0])
        self._base = self._flat(np.arange(self._count))
        self._model = self._base[0].clone()
        self._version = 0
        self._fetched = np.zeros(self._count, np.int64)
        self._buffer: list[int] = []
        self._since_s = 0.0

    def step(
        self, mode: str, t_s: float, able: Bools, arrival_s: Floats, samples: Floats, loss: float
    ) -> list[Round]:
        """Let the updates of this second arrive.

        Args:
            mode: the trigger: semi, sync, async, or none, which leaves learners alone.
            t_s: now.
            able: learners with an eligible client in coverage, (G,).
            arrival_s: when in the second each update is there, (G,).
            samples: in replay, (G,).
            loss: of the critics, for the record.
        """
        if mode == "none":
            return []
        trigger, merges = _TRIGGERS[mode], []
        coming = [g for g in np.argsort(arrival_s, kind="stable").tolist() if able[g]]
        for left, learner in zip(range(len(coming), 0, -1), coming, strict=True):
            if learner not in self._buffer:
                self._buffer.append(learner)
            now_s = t_s + float(arrival_s[learner])
            expected = len(self._buffer) + left - 1
            fired = trigger.fired(now_s - self._since_s, len(self._buffer), expected, self._count)
            if fired:
                merges.append(self.merge(self._buffer, now_s, fired, samples, loss))
                self._buffer, self._since_s = [], now_s
        return merges

    def begin_episode(self) -> None:
        """Another clock begins; model and versions stay."""
        self._buffer, self._since_s = [], 0.0

    def merge(
        self, learners: Sequence[int], t_s: float, fired: Fired, samples: Floats, loss: float
    ) -> Round:
        """Aggregate these learners' updates; they fetch the new model."""
        who = np.array(learners)
        stale = (self._version - self._fetched[who]).astype(float)
        deltas = self._flat(who) - self._base[who]
        kept = deltas.sum(dim=1).isfinite().numpy()  # of numbers alone is a sum a number
        alpha = federation.weights(samples[who], stale, kept, "full")
        if fired == "arrival":
            alpha = alpha * federation.asynchronous_share(float(stale[0]))
        self._model = federation.aggregate(self._model, deltas, alpha)
        self._version += 1
        self._fetched[who] = self._version
        self._base[who] = self._model
        self._write(who)
        usual = SemiSynchronous()
        return Round(
            tier="agents", rsu=-1, t_s=t_s, fired=fired, version=self._version,
            vehicle=tuple(who.tolist()), staleness=tuple(stale.tolist()),
            weight=tuple(alpha.tolist()), lost=0, sigma_min=0.0, interval_s=usual.interval_s,
            count=usual.count, bytes=2 * len(who) * clients.model_bytes(self.parameters), loss=loss,
        )  # fmt: skip

    def state(self) -> dict[str, Any]:
        """Everything but the networks, for a checkpoint; tensors are copies."""
        return {
            "version": self._version,
            "buffer": list(self._buffer),
            "since_s": self._since_s,
            "tensors": {
                "base": self._base.numpy().copy(),
                "model": self._model.numpy().copy(),
                "fetched": self._fetched.copy(),
            },
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Become what `state` described."""
        tensors = state["tensors"]
        self._base = torch.from_numpy(tensors["base"].copy())
        self._model = torch.from_numpy(tensors["model"].copy())
        self._fetched = tensors["fetched"].copy()
        self._version, self._since_s = state["version"], state["since_s"]
        self._buffer = list(state["buffer"])

    @property
    def parameters(self) -> int:
        """Size of what is sent."""
        return len(self._model)

    def _flat(self, learners: Ints) -> Tensor:
        """All networks of these learners, a row each."""
        at = torch.from_numpy(learners)
        parts = [value.index_select(0, at).view(len(at), -1) for value in self._values]
        return torch.cat(parts, dim=1)

    @torch.no_grad()
    def _write(self, learners: Ints) -> None:
        at = torch.from_numpy(learners)
        parts = torch.split(self._model, [value[0].numel() for value in self._values])
        for value, part in zip(self._values, parts, strict=True):
            value.index_copy_(0, at, part.view(value.shape[1:]).expand(len(at), *value.shape[1:]))


def arrivals(cpu_hz: Floats, rate_bps: Floats, learner: Ints, count: int, size: int) -> Floats:
    """When each learner's update is in: its fastest vehicle's training and upload, (G,), s."""
    soonest = np.full(count, np.inf)
    np.minimum.at(soonest, learner, clients.turnaround(cpu_hz, rate_bps, size))
    return soonest
