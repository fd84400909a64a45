"""A file that one process holds at a time; the hold ends with the process."""

from __future__ import annotations

import fcntl
import os
from io import TextIOWrapper
from pathlib import Path


class HeldError(RuntimeError):
    """Another process holds the file; `owner` is its id in digits, or `unknown`."""

    def __init__(self, owner: str) -> None:
        super().__init__(f"held by process {owner}")
        self.owner = owner


def hold(path: Path) -> TextIOWrapper:
    """The file at `path`, held until closed, with this process's id in it.

    Raises:
        HeldError: another process holds it.
        OSError: it cannot be opened or written.
    """
    file = path.open("a+")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        file.seek(0)
        owner = file.read(20).strip() or "unknown"
        file.close()
        raise HeldError(owner) from None
    file.truncate(0)
    file.write(str(os.getpid()))
    file.flush()
    return file
