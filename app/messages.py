"""What travels on the stream: a tab's messages read, metrics encoded, a scheme's arm found."""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeGuard

import numpy as np
from numpy.typing import NDArray

from app import strict_json
from engine import wire
from engine.control import RSUS
from engine.params import MAX_VEHICLES

#: Longest message a tab may send, bytes.
MAX_MESSAGE: Final = 4096
#: Rows of history a tab gets when it connects.
HISTORY_ROWS: Final = 900
#: Most bytes of entries in one message of what was learnt; the rest comes with the next.
MAX_LEARNING: Final = 2**21
#: Most arms a tab may compare.
MAX_ARMS: Final = 5
_METRICS_HEADER: Final = struct.Struct("<4sHHIII")
#: Flags of an RSU whose computing and radio work.
_RSU_UP: Final = 3
_MAX_U32: Final = 2**32 - 1


class MessageError(ValueError):
    """A message of a tab that means nothing; the message is one sentence."""


@dataclass(frozen=True)
class Ack:
    """The tab has drawn frame `seq`."""

    seq: int


@dataclass(frozen=True)
class Arm:
    """The tab wants to see this scheme's arm on the map."""

    scheme: str


@dataclass(frozen=True)
class Arms:
    """The tab compares these schemes' arms: its frames carry all of them."""

    schemes: tuple[str, ...]


@dataclass(frozen=True)
class Select:
    """The tab inspects one thing: `kind` is `slot`, `vehicle`, `rsu`, or `nothing`."""

    kind: str
    index: int = 0


_LIMITS: Final = {"slot": MAX_VEHICLES - 1, "vehicle": 999_999_999, "rsu": RSUS - 1}


def read(text: str | bytes) -> Ack | Arm | Arms | Select:
    """The meaning of one message from a tab.

    Raises:
        MessageError: one sentence that says what is wrong.
    """
    raw = text.encode("utf-8", "surrogatepass") if isinstance(text, str) else text
    if len(raw) > MAX_MESSAGE:
        raise MessageError(f"A message has at most {MAX_MESSAGE} bytes.")
    try:
        value = strict_json.loads(raw)
    except strict_json.JsonError as error:
        raise MessageError(str(error)) from None
    if not isinstance(value, dict) or len(value) != 1:
        raise MessageError("A message holds one of ack, arm, arms and select.")
    (kind, content), *_ = value.items()
    if kind == "ack" and _is_index(content, _MAX_U32):
        return Ack(content)
    if kind == "arm" and _is_scheme(content):
        return Arm(content)
    if kind == "arms" and _are_schemes(content):
        return Arms(tuple(content))
    if kind == "select":
        return _selection(content)
    raise MessageError("A message holds one of ack, arm, arms and select.")


def _selection(content: object) -> Select:
    if content is None:
        return Select("nothing")
    if isinstance(content, dict) and len(content) == 1:
        (kind, index), *_ = content.items()
        if kind in _LIMITS and _is_index(index, _LIMITS[kind]):
            return Select(kind, index)
    raise MessageError("A selection is a slot, a vehicle or an rsu with its number, or null.")


def _is_scheme(value: object) -> TypeGuard[str]:
    return isinstance(value, str) and len(value) <= 64


def _are_schemes(value: object) -> TypeGuard[list[str]]:
    if not isinstance(value, list) or len(value) > MAX_ARMS or not all(map(_is_scheme, value)):
        return False
    return len(set(value)) == len(value)


def _is_index(value: object, most: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= most


def metrics_batch(run: str, steps: NDArray[np.uint32], values: NDArray[np.float32]) -> bytes:
    """Recorded rows as a tab reads them: header, u32 step[], f32 values[rows][schemes][columns].

    The 20-byte header: magic `IOVM`, u16 version, u16 schemes, u32 rows, u32 run (crc32 of the
    run id), u32 columns; little-endian.

    Args:
        run: run id.
        steps: (rows,).
        values: schemes in stage order, (rows, schemes, len(METRICS)).
    """
    rows, schemes, columns = values.shape
    head = _METRICS_HEADER.pack(b"IOVM", 1, schemes, rows, wire.run_code(run), columns)
    return head + steps.astype("<u4").tobytes() + values.astype("<f4").tobytes()


def learning_batch(run: str, entries: Sequence[Mapping[str, Any]]) -> tuple[int, str]:
    """Entries of what was learnt as a tab reads them, and the number of the last one among them.

    Args:
        run: run id.
        entries: at least one, oldest first; those beyond `MAX_LEARNING` bytes are left for later.
    """
    texts: list[str] = []
    size = 0
    for entry in entries:
        text = strict_json.dumps(entry)
        size += len(text)
        if texts and size > MAX_LEARNING:
            break
        texts.append(text)
    head = strict_json.dumps({"type": "learning", "run": run})
    return int(entries[len(texts) - 1]["i"]), f'{head[:-1]},"entries":[{",".join(texts)}]}}'


def decimated(rows: int, most: int = HISTORY_ROWS) -> NDArray[np.int64]:
    """Indices of at most `most` of `rows` rows, evenly spread, the newest one always among them."""
    if rows <= most:
        return np.arange(rows)
    return np.unique(np.linspace(0, rows - 1, most).round().astype(np.int64))


def bare_frame(frame: bytes) -> bytes:
    """What a browser gets of a stored frame with nobody on stage: vehicles that decide nothing."""
    head = wire.header(frame)
    shared = wire.HEADER.size + (8 * head.n + 3) // 4 * 4
    vehicles = bytes(head.n) + bytes([wire.TARGET_NONE]) * head.n + bytes(2 * head.n)
    rsus = bytes(3 * head.m) + bytes([_RSU_UP]) * head.m
    return frame[:shared] + vehicles + rsus + bytes(4)


def map_schemes(status: Mapping[str, Any], arms: int) -> list[str]:
    """Schemes in the order of a frame's `arms` blocks; `bound` is on stage but has none."""
    stage = [str(name) for name in status.get("stage", [])]
    drawn = stage if len(stage) == arms else [name for name in stage if name != "bound"]
    return drawn if len(drawn) == arms else []
