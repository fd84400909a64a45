"""One server a store: a lock that ends with the process that holds it."""

from __future__ import annotations

import os
from io import TextIOWrapper
from pathlib import Path

from engine.lock import HeldError, hold


class ClaimError(RuntimeError):
    """The store cannot be had; the message is one sentence."""


def claim(folder: Path) -> TextIOWrapper:
    """The lock of the store in `folder`, held until closed.

    Raises:
        ClaimError: another server has it, or the folder cannot be written.
    """
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        return hold(folder / "server.lock")
    except HeldError as held:
        raise ClaimError(
            f"Another iov-twin (process {held.owner}) shows the store {folder}: close it, "
            "or choose another folder with --store."
        ) from None
    except OSError as error:
        why = os.strerror(error.errno or 0)
        raise ClaimError(
            f"The store {folder} cannot be written ({why}): choose another folder with --store."
        ) from None
