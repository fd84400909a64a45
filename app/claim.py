"""One server a store: a lock that ends with the process that holds it."""

from __future__ import annotations

import fcntl
import os
from io import TextIOWrapper
from pathlib import Path


class ClaimError(RuntimeError):
    """The store cannot be had; the message is one sentence."""


def claim(folder: Path) -> TextIOWrapper:
    """The lock of the store in `folder`, held until closed.

    Raises:
        ClaimError: another server has it, or the folder cannot be written.
    """
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock = (folder / "server.lock").open("a+")
    except OSError as error:
        why = os.strerror(error.errno or 0)
        raise ClaimError(
            f"The store {folder} cannot be written ({why}): choose another folder with --store."
        ) from None
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        lock.seek(0)
        owner = lock.read(20).strip() or "unknown"
        lock.close()
        raise ClaimError(
            f"Another iov-twin (process {owner}) shows the store {folder}: close it, "
            "or choose another folder with --store."
        ) from None
    lock.truncate(0)
    lock.write(str(os.getpid()))
    lock.flush()
    return lock
