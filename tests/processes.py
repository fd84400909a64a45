"""Processes that a test has started, found by what they run."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable

import psutil


def running(module: str, among: Iterable[psutil.Process]) -> list[psutil.Process]:
    """Those that run `python -m module`; who has ended, or waits to be buried, runs nothing."""
    found = []
    for process in among:
        with contextlib.suppress(psutil.NoSuchProcess):
            found += [process] if module in process.cmdline() else []
    return found
