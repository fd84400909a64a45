"""Policies and training states on disk: arrays and JSON behind a digest, nothing that executes.

A file is the magic, the SHA-256 of all that follows, the length of a JSON header, the header, and
the arrays' bytes in the header's order. It is written beside and renamed, so it is whole or absent.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

MAGIC: Final = b"IOVTWIN\x01"
_DIGEST: Final = 32
_LENGTH: Final = 8
_KINDS: Final = {"float32": 4, "float64": 8, "int64": 8}
#: No policy of ours is near this; a bound against nonsense.
_MOST_BYTES: Final = 1 << 31


class CheckpointError(ValueError):
    """The file cannot be used; the message is one sentence for the user."""


def save_policy(path: Path, state: Mapping[str, Any]) -> str:
    """Write a state with its arrays under "tensors"; gives the digest in hex.

    Raises:
        CheckpointError: an array holds what is no number. OSError: it cannot be written.
    """
    tensors: Mapping[str, NDArray[Any]] = state["tensors"]
    listed = []
    for name, array in tensors.items():
        if array.dtype.name not in _KINDS or not np.isfinite(array).all():
            raise CheckpointError(f"{name} holds values that are no numbers: it was not saved.")
        listed.append({"name": name, "shape": list(array.shape), "dtype": array.dtype.name})
    about = {key: value for key, value in state.items() if key != "tensors"}
    header = json.dumps({"state": about, "tensors": listed}, allow_nan=False).encode()
    arrays = b"".join(np.ascontiguousarray(array).tobytes() for array in tensors.values())
    body = len(header).to_bytes(_LENGTH, "little") + header + arrays
    digest = hashlib.sha256(body).digest()
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with beside.open("wb") as file:
            file.write(MAGIC + digest + body)
            file.flush()
            os.fsync(file.fileno())
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)
    return digest.hex()


def load_policy(path: Path) -> dict[str, Any]:
    """Read a state back.

    Raises:
        CheckpointError: missing, cut short, altered, of another make, or not finite.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise CheckpointError(f"{path} cannot be read ({error.strerror}).") from error
    if not content.startswith(MAGIC[:-1]):
        raise CheckpointError(f"{path} is no policy of IoV Twin.")
    if not content.startswith(MAGIC):
        raise CheckpointError(f"{path} is of another version: train it again.")
    start = len(MAGIC) + _DIGEST
    body = content[start:]
    if len(content) > _MOST_BYTES or hashlib.sha256(body).digest() != content[len(MAGIC) : start]:
        raise CheckpointError(f"{path} is damaged: it is not what was written.")
    size = int.from_bytes(body[:_LENGTH], "little")
    header = json.loads(body[_LENGTH : _LENGTH + size])
    tensors: dict[str, NDArray[Any]] = {}
    at = _LENGTH + size
    for entry in header["tensors"]:
        shape, dtype = tuple(entry["shape"]), entry["dtype"]
        length = int(np.prod(shape, dtype=np.int64)) * _KINDS[dtype]
        array = np.frombuffer(body[at : at + length], dtype).reshape(shape).copy()
        if not np.isfinite(array).all():
            raise CheckpointError(f"{path} holds values that are no numbers.")
        tensors[entry["name"]] = array
        at += length
    return {**header["state"], "tensors": tensors}
