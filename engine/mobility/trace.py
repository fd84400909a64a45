"""A recorded trace on disk: 0.1 m, 0.1 m/s and 1/256 turn, differences in time, compressed.

A trace is an `.npz` of plain arrays. Records stand vehicle by vehicle, so that differences from one
second to the next are small; `stretch_*` say which vehicle and which seconds a run of records is.
A vehicle that was away for a while (a teleport) has several stretches. `meta` is JSON in bytes.
"""

from __future__ import annotations

import hashlib
import json
import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from engine.types import Ints

FORMAT: Final = "iov-twin-trace"
VERSION: Final = 1
#: Larger traces are refused: an hour of 2000 vehicles takes 45 MB unpacked.
MAX_UNPACKED_BYTES: Final = 2**30
_MAX_STEPS: Final = 10**7
_ARRAYS: Final = {
    "meta": np.uint8,
    "stretch_vehicle": np.uint32,
    "stretch_kind": np.uint8,
    "stretch_first": np.uint32,
    "stretch_count": np.uint32,
    "dx": np.uint16,
    "dy": np.uint16,
    "dspeed": np.uint8,
    "dheading": np.uint8,
}


class TraceError(ValueError):
    """The file cannot be used as a trace; the message is one sentence for the user."""


@dataclass(frozen=True)
class Trace:
    """A recording, step by step.

    Attributes:
        meta: seed, steps, first time, digest of the source, versions.
        start: step k has the records start[k] to start[k + 1], (steps + 1,).
        vehicle: ids, ascending within a step. kind: 0 car, 1 bus, 2 truck. x, y: in 0.1 m.
        speed: in 0.1 m/s. heading: in 1/256 turn counter-clockwise from east. All (records,).
    """

    meta: Mapping[str, Any]
    start: Ints
    vehicle: NDArray[np.uint32]
    kind: NDArray[np.uint8]
    x: NDArray[np.uint16]
    y: NDArray[np.uint16]
    speed: NDArray[np.uint8]
    heading: NDArray[np.uint8]

    @property
    def steps(self) -> int:
        """Seconds recorded."""
        return len(self.start) - 1

    def digest(self) -> str:
        """Over everything recorded, whatever the compression."""
        told = hashlib.sha256(json.dumps(dict(self.meta), sort_keys=True).encode())
        for column in (
            self.start,
            self.vehicle,
            self.kind,
            self.x,
            self.y,
            self.speed,
            self.heading,
        ):
            told.update(column.astype(column.dtype.newbyteorder("<")).tobytes())
        return told.hexdigest()


def save(trace: Trace, path: Path) -> None:
    """Write the trace; the file appears whole or not at all."""
    step = np.repeat(np.arange(trace.steps, dtype=np.int64), np.diff(trace.start))
    order = np.argsort(trace.vehicle, kind="stable")  # within a vehicle, time stays in order
    vehicle, step = trace.vehicle[order], step[order]
    begins = np.ones(len(order), np.bool_)
    begins[1:] = (vehicle[1:] != vehicle[:-1]) | (step[1:] != step[:-1] + 1)
    first = np.flatnonzero(begins)
    arrays: dict[str, NDArray[Any]] = {
        "meta": np.frombuffer(json.dumps(dict(trace.meta), sort_keys=True).encode(), np.uint8),
        "stretch_vehicle": vehicle[first],
        "stretch_kind": trace.kind[order][first],
        "stretch_first": step[first].astype(np.uint32),
        "stretch_count": np.diff(np.append(first, len(order))).astype(np.uint32),
        "dx": _differences(trace.x[order]),
        "dy": _differences(trace.y[order]),
        "dspeed": _differences(trace.speed[order]),
        "dheading": _differences(trace.heading[order]),
    }
    part = path.with_name(path.name + ".part")
    with part.open("wb") as file:
        np.savez_compressed(file, allow_pickle=False, **arrays)
    part.replace(path)


def _differences(values: NDArray[Any]) -> NDArray[Any]:
    """Differences modulo the width of the type, which `np.cumsum` of that type undoes exactly."""
    return np.diff(values, prepend=values.dtype.type(0))


def load(path: Path) -> Trace:
    """Read a trace.

    Raises:
        TraceError: the file is missing, damaged, too large, or of a newer format.
    """
    arrays = _arrays(path)
    meta = _meta(path, arrays.pop("meta"))
    first, count = (arrays[f"stretch_{k}"].astype(np.int64) for k in ("first", "count"))
    _check(path, meta, arrays, first, count)
    steps, ends = int(meta["steps"]), np.cumsum(count)
    step = np.arange(count.sum()) - np.repeat(ends - count - first, count)
    order = np.argsort(step.astype(np.uint16 if steps < 2**16 else np.int64), kind="stable")
    values = {
        name: np.cumsum(arrays[f"d{name}"], dtype=arrays[f"d{name}"].dtype)[order]
        for name in ("x", "y", "speed", "heading")
    }
    if len(order) and max(values["x"].max(), values["y"].max()) > meta["side_m"] * 10:
        raise TraceError(f"{path} is damaged: a vehicle is outside the city.")
    return Trace(
        meta=meta,
        start=np.concatenate([[0], np.cumsum(np.bincount(step, minlength=steps))]),
        vehicle=np.repeat(arrays["stretch_vehicle"], count)[order],
        kind=np.repeat(arrays["stretch_kind"], count)[order],
        **values,
    )


def _arrays(path: Path) -> dict[str, NDArray[Any]]:
    """The arrays of the file, of the right types, nothing else, nothing pickled."""
    try:
        with zipfile.ZipFile(path) as archive:
            sizes = {entry.filename: entry.file_size for entry in archive.infolist()}
            fits = sum(sizes.values()) <= MAX_UNPACKED_BYTES
            known = set(sizes) == {f"{name}.npy" for name in _ARRAYS}
            arrays = {name: _array(archive, name) for name in _ARRAYS if fits and known}
    except FileNotFoundError:
        raise TraceError(f'There is no trace {path}: make one with "iov-twin record".') from None
    except (
        OSError,
        EOFError,
        ValueError,
        NotImplementedError,
        zipfile.BadZipFile,
        zlib.error,
    ) as error:
        raise TraceError(f"{path} is damaged or no trace: {str(error)[:120]}.") from None
    if not known:
        raise TraceError(f'{path} is no mobility trace: make one with "iov-twin record".')
    if not fits:
        raise TraceError(f"{path} is too large: over {MAX_UNPACKED_BYTES >> 20} MB unpacked.")
    return arrays


def _array(archive: zipfile.ZipFile, name: str) -> NDArray[Any]:
    """One array, of the size the archive holds whatever its header claims; raises ValueError."""
    with archive.open(f"{name}.npy") as file:
        if np.lib.format.read_magic(file) != (1, 0):
            raise ValueError(f"{name} has an unknown form")
        shape, _, dtype = np.lib.format.read_array_header_1_0(file)
        content = file.read()
    if dtype != _ARRAYS[name] or shape != (len(content) // dtype.itemsize,):
        raise ValueError(f"{name} has the wrong form")
    return np.frombuffer(content, dtype)


def _meta(path: Path, raw: NDArray[np.uint8]) -> dict[str, Any]:
    try:
        meta = json.loads(raw.tobytes())
        name, version = meta["format"], meta["version"]
        steps, side_m, first_t_s = meta["steps"], meta["side_m"], meta["first_t_s"]
    except (ValueError, TypeError, KeyError, RecursionError):
        raise TraceError(f"{path} is damaged: its description cannot be read.") from None
    if name != FORMAT or not isinstance(version, int) or version < 1:
        raise TraceError(f'{path} is no mobility trace: make one with "iov-twin record".')
    if version > VERSION:
        raise TraceError(
            f"{path} has trace format {version}, this program reads up to {VERSION}: update it."
        )
    plain = isinstance(steps, int) and isinstance(side_m, (int, float))
    if not plain or not 0 < steps <= _MAX_STEPS or not isinstance(first_t_s, (int, float)):
        raise TraceError(f"{path} is damaged: its description makes no sense.")
    return dict(meta)


def _check(
    path: Path,
    meta: Mapping[str, Any],
    arrays: Mapping[str, NDArray[Any]],
    first: Ints,
    count: Ints,
) -> None:
    """Refuse stretches that contradict each other or the records."""
    vehicle, records = arrays["stretch_vehicle"].astype(np.int64), int(count.sum())
    fits = len(vehicle) == len(arrays["stretch_kind"]) == len(first) == len(count)
    fits = fits and all(len(arrays[f"d{k}"]) == records for k in ("x", "y", "speed", "heading"))
    if fits and len(first):
        again = vehicle[1:] == vehicle[:-1]
        fits = bool(
            (np.all(count > 0) and (first + count).max() <= meta["steps"])
            and np.all(vehicle[1:] >= vehicle[:-1])
            and np.all(first[1:][again] > (first + count)[:-1][again])
            and arrays["stretch_kind"].max() <= 2
        )
    if not fits:
        raise TraceError(f"{path} is damaged: its vehicles and records do not fit together.")
