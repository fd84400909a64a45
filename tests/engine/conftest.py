"""A scheme from outside that learns, installed for the processes that a test starts."""

from __future__ import annotations

import importlib.util
import os
from pathlib import Path

import pytest

from engine.stage import SCHEMES, SchemeInfo


@pytest.fixture
def toy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Makes `toy` a scheme for processes that are started from here, and for wishes of the page."""
    path = Path(__file__).with_name("toy_learner.py")
    spec = importlib.util.spec_from_file_location("toy_learner", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    folder = tmp_path / "site"
    folder.mkdir()
    module.install(folder)
    known = [part for part in os.environ.get("PYTHONPATH", "").split(os.pathsep) if part]
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([*known, str(folder)]))
    monkeypatch.setitem(SCHEMES, "toy", SchemeInfo("toy", "TOY", "Counts.", "#000000"))
