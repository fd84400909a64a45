"""The catalogue of schemes agrees with the schemes, and a new file is in it by being there."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from engine import ROOT, schemes
from engine.stage import BOUND, DEFAULT_STAGE, SCHEMES


def test_the_catalogue_lists_every_scheme_in_display_order() -> None:
    assert tuple(SCHEMES) == (*schemes.names(), BOUND)
    assert set(DEFAULT_STAGE) <= set(SCHEMES)


@pytest.mark.parametrize("name", schemes.names())
def test_it_says_what_the_scheme_says(name: str) -> None:
    module, info = schemes.load(name), SCHEMES[name]
    assert (info.name, info.label, info.ingredients) == (name, module.LABEL, module.INGREDIENTS)


def test_colours_differ() -> None:
    colours = [info.colour for info in SCHEMES.values()]
    assert len(set(colours)) == len(colours)
    assert all(re.fullmatch("#[0-9A-F]{6}", colour) for colour in colours)


def test_a_new_scheme_is_one_file(tmp_path: Path) -> None:
    shutil.copytree(ROOT / "engine", tmp_path / "engine")
    shutil.copytree(ROOT / "sumo_configs", tmp_path / "sumo_configs")
    text = (ROOT / "engine" / "schemes" / "local.py").read_text()
    (tmp_path / "engine" / "schemes" / "half_and_half.py").write_text(
        text.replace('LABEL = "Local"', 'LABEL = "HALF"')
    )
    options = ["--schemes", "half-and-half,local", "--steps", "3", "--mobility", "synthetic"]
    done = subprocess.run(
        [sys.executable, "-m", "engine.cli", "run", *options, "--out", str(tmp_path / "out")],
        cwd=tmp_path,
        env={"PATH": "/usr/bin:/bin", "PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "half-and-half" in done.stdout
