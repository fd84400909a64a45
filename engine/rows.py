"""Metrics rows as bytes: blocks of consecutive steps under one stage, many to a record.

A block is u16 index of the stage in the run's table, u16 schemes, u32 rows, u32 step[rows] and
f32 values[rows][schemes][METRICS], little-endian.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from engine.metrics import METRICS

F32 = NDArray[np.float32]
U32 = NDArray[np.uint32]

#: Steps in one record.
CHUNK: Final = 64
_HEAD: Final = struct.Struct("<HHI")


def append(blob: bytes, step: int, stage: int, values: F32) -> bytes:
    """`blob` with one more row, in its last block where that has the same stage.

    Args:
        blob: blocks so far.
        step: above all steps in `blob`.
        stage: index in the run's table.
        values: (schemes, len(METRICS)).
    """
    schemes = len(values)
    kept, steps, rows = blob, b"", b""
    at = 0
    for start, end, block in _places(blob):
        if end == len(blob) and block[:2] == (stage, schemes):
            at = start + _HEAD.size
            n = block[2]
            kept, steps, rows = blob[:start], blob[at : at + 4 * n], blob[at + 4 * n :]
    steps += np.array([step], "<u4").tobytes()
    rows += values.astype("<f4").tobytes()
    return kept + _HEAD.pack(stage, schemes, len(steps) // 4) + steps + rows


def blocks(blob: bytes) -> Iterator[tuple[U32, int, F32]]:
    """Steps (rows,), stage index and values (rows, schemes, len(METRICS)) of each block.

    Raises:
        ValueError: the bytes are no blocks.
    """
    for start, _, (stage, schemes, rows) in _places(blob):
        at = start + _HEAD.size
        steps = np.frombuffer(blob, "<u4", rows, at)
        values = np.frombuffer(blob, "<f4", rows * schemes * len(METRICS), at + 4 * rows)
        yield steps, stage, values.reshape(rows, schemes, len(METRICS))


def _places(blob: bytes) -> Iterator[tuple[int, int, tuple[int, int, int]]]:
    at = 0
    while at < len(blob):
        if at + _HEAD.size > len(blob):
            raise ValueError("a metrics record ends inside the head of a block")
        stage, schemes, rows = _HEAD.unpack_from(blob, at)
        end = at + _HEAD.size + 4 * rows * (1 + schemes * len(METRICS))
        if end > len(blob):
            raise ValueError("a metrics record ends inside a block")
        yield at, end, (stage, schemes, rows)
        at = end


def columns(block: F32, stage: Sequence[str], names: Sequence[str]) -> F32:
    """The block with one column per name, NaN for names that are not on its stage."""
    chosen = np.full((len(block), len(names), len(METRICS)), np.nan, np.float32)
    for column, name in enumerate(names):
        if name in stage:
            chosen[:, column] = block[:, list(stage).index(name)]
    return chosen
