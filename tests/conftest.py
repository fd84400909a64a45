"""What tests share: tools that may be missing, a deterministic hypothesis profile in CI."""

from __future__ import annotations

import contextlib
import os
import random
import shutil
import socket

import pytest
from hypothesis import HealthCheck, settings

settings.register_profile(
    "ci", derandomize=True, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.register_profile("dev", deadline=None)
settings.load_profile("ci" if os.environ.get("CI") else "dev")

#: How long a thing that must come may take on a machine that has other work, seconds: it costs time
#: only when the thing never comes.
WAIT_S = 60.0
#: The same for an end, which takes tenths of a second; what hangs takes longer: a tab that does not
#: leave is waited for twenty seconds.
GONE_S = 15.0

CHROMIUM = (
    shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
)


def free_port() -> int:
    """A port nobody listens on, below those that connections going out are given meanwhile."""
    while True:
        port = random.SystemRandom().randrange(20_000, 32_000)
        with contextlib.suppress(OSError), socket.socket() as probe:
            probe.bind(("127.0.0.1", port))
            return port


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Browser tests come last, and are skipped without a browser; in CI they fail then.

    Playwright's event loop runs in the main thread from its first test on, where tests that run
    loops of their own would trip over it.
    """
    items.sort(key=lambda item: ("browser" in item.keywords) + ("browser/live/" in item.nodeid))
    if CHROMIUM or os.environ.get("CI"):
        return
    skip = pytest.mark.skip(reason="no chromium on the PATH")
    for item in items:
        if "browser" in item.keywords:
            item.add_marker(skip)
