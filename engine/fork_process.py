"""`python -m engine.fork_process`: plays two futures of a live run, on behalf of its engine.

The engine starts it with its own process id and the number of a socket, see `engine.forks`. Over it
comes one `Errand`, and signs of life go back; all else it has to say is in the store.
"""

from __future__ import annotations

import contextlib
import logging
import os
import signal
import socket
import sys
from typing import Final

from engine.handover import GoneError, Handover
from engine.parent import die_with

logger = logging.getLogger("engine.fork")

#: Exit status of a process that could not write what it had to say.
UNWRITTEN: Final = 4
#: The engine's steps come first; not while this one starts, which somebody waits for.
_NICE: Final = 5


def main(arguments: list[str]) -> int:
    """Play the futures; returns the exit status: 0 told how they ended, `UNWRITTEN`."""
    parent, end = (int(word) for word in arguments)
    die_with(parent)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the engine's to handle
    logging.basicConfig(stream=sys.stderr, format="%(asctime)s %(levelname)s %(message)s")
    link = Handover(socket.socket(fileno=end))
    try:
        return _work(link)
    except GoneError:
        return 0


def _work(link: Handover) -> int:
    # The death of the engine is watched before these are loaded, which takes seconds.
    from engine.disk import StoreError  # noqa: PLC0415
    from engine.fork_play import Errand, Play  # noqa: PLC0415
    from engine.fork_record import ForkRecord  # noqa: PLC0415

    errand: Errand = link.receive()
    with contextlib.suppress(OSError):
        os.nice(_NICE)
    try:
        with contextlib.closing(ForkRecord(errand.store)) as record:
            Play(link, errand, record).run()
    except StoreError as error:
        logger.error("%s", error)  # noqa: TRY400  a sentence for the user, not a fault of ours
        return UNWRITTEN
    return 0


if __name__ == "__main__":
    status = main(sys.argv[1:])
    # All is written; what Python would do yet is take torch apart, for half a second.
    logging.shutdown()
    sys.stderr.flush()
    os._exit(status)
