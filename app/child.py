"""What can be said of a child process that has ended."""

from __future__ import annotations

import re
import signal
from pathlib import Path
from typing import Final

#: What a log puts before a warning or an error.
_STAMP: Final = re.compile(r"^[\d-]+ [\d:,]+ [A-Z]+ ")


def reason(status: int | None) -> str:
    """How it ended, by its exit status."""
    if status is not None and status < 0:
        return f"killed by {signal.Signals(-status).name}"
    return f"exit status {status}"


def last_words(log: Path, begin: int = 0) -> str:
    """The last words in its log, as the rest of a sentence; empty when there are none.

    Args:
        log: what it printed.
        begin: where in the log it began.
    """
    try:
        with log.open("rb") as file:
            file.seek(max(begin, log.stat().st_size - 4096))
            lines = file.read().decode("utf-8", "replace").split("\n")
    except OSError:
        return ""
    words = [line.strip() for line in lines if line.strip() and " INFO " not in line]
    return f", last words: “{_STAMP.sub('', words[-1])[:200]}”" if words else ""
