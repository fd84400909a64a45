"""What an engine and its learner's process tell each other, and how it gets across.

A message is a file without a name, whose handle a socket carries: sending copies it into memory and
never waits for a reader, and what has arrived is whole, whoever is killed meanwhile. Messages are
pickled; the other end is a process that this program started.
"""

from __future__ import annotations

import array
import contextlib
import os
import pickle
import socket
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from engine.learning.trainer import Learnt, Weights
    from engine.params import Params

#: A handle that is received must not be inherited by what is started meanwhile.
_OWN: Final = int(getattr(socket, "MSG_CMSG_CLOEXEC", 0))
_HANDLE: Final = array.array("i").itemsize


@dataclass(frozen=True)
class Job:
    """What to learn.

    Attributes:
        scheme: its name. params, policy: where it begins. seed: of its generator.
        checkpoint: file that keeps its state; learning goes on from it where there is one.
    """

    scheme: str
    params: Params
    policy: Path | None
    seed: int
    checkpoint: Path


@dataclass(frozen=True)
class Report:
    """What a learner says: once when it is ready, then once for each experience.

    Attributes:
        learnt: None when it is ready or has ended. weights: None unless they are due.
        warning: one sentence on what goes wrong beside learning. ended: why it gives up; empty
            while it goes on. hopeless: it would end the same way again.
    """

    learnt: Learnt | None = None
    weights: Weights | None = None
    warning: str = ""
    ended: str = ""
    hopeless: bool = False


class GoneError(EOFError):
    """The other end is closed: its process has ended."""


class Handover:
    """One end of the connection.

    Args:
        end: of a `socket.socketpair`; whether it blocks decides whether `receive` waits.
    """

    def __init__(self, end: socket.socket) -> None:
        self._end = end

    def send(self, message: object) -> None:
        """Hand over a message, which `pickle` takes.

        Raises:
            GoneError: nobody is there to take it.
        """
        with _sheet() as sheet:
            pickle.dump(message, sheet, protocol=5)
            sheet.flush()
            try:
                socket.send_fds(self._end, [b"m"], [sheet.fileno()])
            except OSError as error:
                raise GoneError(str(error)) from None

    def receive(self) -> Any:
        """The next message.

        Raises:
            GoneError: there is none, and none will come.
            BlockingIOError: there is none yet, and this end does not wait.
        """
        space = socket.CMSG_LEN(_HANDLE)
        try:
            data, control, _, _ = self._end.recvmsg(1, space, _OWN)
        except BlockingIOError:
            raise
        except OSError as error:
            raise GoneError(str(error)) from None
        if not data or not control:
            raise GoneError("the other end is closed")
        (handle,) = array.array("i", control[0][2][:_HANDLE])
        with os.fdopen(handle, "rb") as sheet:
            sheet.seek(0)
            return pickle.load(sheet)

    def close(self) -> None:
        """Close this end; safe to call twice."""
        with contextlib.suppress(OSError):
            self._end.close()


def _sheet() -> IO[bytes]:
    """A file that nobody else can open, in memory where the system has such."""
    if hasattr(os, "memfd_create"):
        return os.fdopen(os.memfd_create("iov-twin"), "w+b")
    return tempfile.TemporaryFile()
