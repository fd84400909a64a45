"""One generator for each concern, so that no draw of one moves another."""

from __future__ import annotations

import zlib

import numpy as np


def sequence(seed: int, concern: str) -> np.random.SeedSequence:
    """What a concern of a run with this seed is seeded by."""
    return np.random.SeedSequence([seed, zlib.crc32(concern.encode())])


def generator(seed: int, concern: str) -> np.random.Generator:
    """The generator of a concern in a run with this seed."""
    return np.random.default_rng(sequence(seed, concern))
