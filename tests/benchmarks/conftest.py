"""What the benchmarks share: how loaded the machine is, and one line for each figure."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from tests.browser.conftest import chromium, map_page, map_site, map_tab

__all__ = ["chromium", "map_page", "map_site", "map_tab"]  # fixtures, imported once: one browser

#: Processor time others may take, in cores, before wall clocks say more of them than of us.
FREE = 0.25


class Load:
    """How many cores everybody else has kept busy since this was made."""

    def __init__(self) -> None:
        self._busy, self._ours, self._at = _busy_s(), _ours_s(), time.monotonic()

    @property
    def foreign(self) -> float:
        """Mean number of cores that processes other than ours used."""
        passed = time.monotonic() - self._at
        return max(0.0, _busy_s() - self._busy - (_ours_s() - self._ours)) / passed

    @property
    def is_free(self) -> bool:
        return self.foreign < FREE

    def judge(self, **reached: bool) -> None:
        """Fail on a target that was missed; on a machine that others keep busy, skip."""
        missed = [what for what, ok in reached.items() if not ok]
        if not missed:
            return
        sentence = f"missed: {', '.join(missed)}; others used {self.foreign:.2f} cores"
        pytest.fail(sentence) if self.is_free else pytest.skip(sentence)


def _busy_s() -> float:
    """Processor time all processes have used, s."""
    fields = Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:]
    user, nice, system, _, _, irq, softirq, steal = map(int, fields[:8])
    return (user + nice + system + irq + softirq + steal) / os.sysconf("SC_CLK_TCK")


def _ours_s() -> float:
    """Processor time this process and all it has started have used, s."""
    total = sum(os.times()[:4])
    for child in psutil.Process().children(recursive=True):
        try:
            times = child.cpu_times()
        except psutil.NoSuchProcess:
            continue
        total += times.user + times.system
    return total


@pytest.fixture
def load() -> Load:
    """Of the machine since the test began."""
    return Load()


@pytest.fixture
def say(capfd: pytest.CaptureFixture[str]) -> Callable[[str], None]:
    """Print a figure past pytest's capture."""

    def tell(line: str) -> None:
        with capfd.disabled():
            sys.stdout.write(f"\n  {line}")
            sys.stdout.flush()

    return tell
