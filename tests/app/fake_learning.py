"""Invented learning of one scheme: losses that fall, rounds of all kinds, a moment of trouble."""

from __future__ import annotations

from typing import Any

import numpy as np

#: Entry with which weights are taken back.
TROUBLE_AT = 12
TROUBLE = "The critic's loss was no number, so its weights of 10 s ago came back."
TRIGGERS = ("time", "count", "count", "time", "count", "all", "time-out", "arrival")


class FakeLearning:
    """Entries as the engine tells them.

    Args:
        rng: where the numbers come from.
        rsus: number of RSUs.
        triggers: what fires, in turn with the number of the RSU.
    """

    def __init__(
        self, rng: np.random.Generator, rsus: int = 20, triggers: tuple[str, ...] = TRIGGERS
    ) -> None:
        self.rng, self.rsus, self.triggers = rng, rsus, triggers
        self.version = np.zeros(rsus + 1, int)
        self.sigma = np.full(rsus, 0.05)
        self.interval = np.full(rsus, 5.0)
        self.count = np.full(rsus, 10.0)
        self.told = 0

    def entry(self, step: int, scheme: str = "af-marl") -> dict[str, Any]:
        """What learning from this step gave."""
        rng = self.rng
        age = 1.0 + self.told / 60.0
        losses = {
            "critic": 0.8 / age * rng.lognormal(0, 0.25),
            "actor": 0.9 - 0.5 * (1 - 1 / age) + rng.normal(0, 0.03),
        }
        if step % 2 == 0:
            losses |= {"forecast": (0.6 + 1.2 / age) * rng.lognormal(0, 0.1)}
            losses |= {
                "cvae": 9.0 / age, "cvae_reconstruction": 8.0 / age * rng.lognormal(0, 0.1),
                "cvae_kl": 8.4 * (1 - 0.7 / age),
            }  # fmt: skip
        rounds = [self.round(m, step) for m in range(self.rsus) if rng.random() < 0.16]
        if step % 5 == 0:
            rounds.append(self.round(-1, step))
        self.told += 1
        return {
            "i": self.told - 1, "step": step, "scheme": scheme, "losses": losses, "rounds": rounds,
            "trouble": TROUBLE if self.told - 1 == TROUBLE_AT else "",
        }  # fmt: skip

    def round(self, rsu: int, step: int) -> dict[str, Any]:
        """One aggregation at an RSU, or of the agents (-1)."""
        rng = self.rng
        size = 20 if rsu < 0 else int(rng.integers(1, 14))
        samples = rng.uniform(0.2, 1.0, size)
        staleness = np.zeros(size) if rsu < 0 else rng.poisson(0.7, size).astype(float)
        kept = np.ones(size, bool) if rsu < 0 else rng.random(size) > 0.08
        weight = samples * (1 + staleness) ** -0.5 * kept
        self.version[rsu] += 1
        if rsu >= 0:
            self.sigma[rsu] *= rng.uniform(0.97, 1.02)
            self.interval[rsu] = np.clip(self.interval[rsu] + rng.choice([-0.5, 0, 0.5]), 1, 15)
            self.count[rsu] = np.clip(self.count[rsu] + rng.integers(-1, 2), 3, 12)
        return {
            "tier": "agents" if rsu < 0 else "forecast", "rsu": rsu,
            "t_s": step + float(rng.random()), "fired": self.triggers[rsu % len(self.triggers)],
            "version": int(self.version[rsu]),
            "vehicle": (list(range(20)) if rsu < 0 else rng.integers(0, 200, size).tolist()),
            "staleness": staleness.tolist(),
            "weight": (weight / max(weight.sum(), 1e-9)).tolist(),
            "lost": int(rsu >= 0 and rng.random() < 0.1) * int(rng.integers(1, 4)),
            "sigma_min": float(self.sigma[rsu]), "interval_s": float(self.interval[rsu]),
            "count": float(self.count[rsu]), "bytes": 270_000 * size,
            "loss": float(rng.uniform(0.5, 1.2)),
        }  # fmt: skip
