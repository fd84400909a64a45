"""What tests share: tools that may be missing, a deterministic hypothesis profile in CI."""

from __future__ import annotations

import os
import shutil

import pytest
from hypothesis import HealthCheck, settings

settings.register_profile(
    "ci", derandomize=True, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.register_profile("dev", deadline=None)
settings.load_profile("ci" if os.environ.get("CI") else "dev")

CHROMIUM = (
    shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
)


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
