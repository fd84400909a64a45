"""The README holds what the code has: tables, commands, links."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
README = (ROOT / "README.md").read_text("utf-8")


def test_tables_are_those_of_the_code():
    sys.path.insert(0, str(ROOT / "tests"))
    from update_readme import filled  # noqa: PLC0415

    assert filled(README) == README, "run: python tests/update_readme.py"


def test_first_screen_holds_exactly_two_setup_commands():
    commands = re.findall(r"```bash\n(.*?)\n```", README, re.DOTALL)
    assert len(commands) == 2
    assert all("\n" not in command for command in commands)
    assert README.index(commands[1]) < 1500


def test_every_command_named_exists():
    for command in re.findall(r"\| `iov-twin (\w+)", README):
        shown = subprocess.run(
            [sys.executable, "-m", "app", command, "--help"],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
            cwd=ROOT,
        )
        assert shown.returncode == 0, (command, shown.stderr)
        assert f"iov-twin {command}" in shown.stdout


def test_files_named_exist():
    for path in re.findall(r"`((?:app|engine|assets|tests|sumo_configs)/[\w/.]*)`", README):
        assert (ROOT / path).exists(), path


def test_the_script_learns_as_it_stands(tmp_path):
    (script,) = re.findall(r"<!-- script -->\n```python\n(.*?)\n```", README, re.DOTALL)
    assert script.count("\n") < 40
    ran = subprocess.run(
        [sys.executable, "-c", script],
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"},
    )
    assert ran.returncode == 0, ran.stderr
    said = dict(re.findall(r"(\w+): cost ([\d.]+), success [\d.]+", ran.stdout))
    assert float(said["learnt"]) < 0.8 * float(said["random"])
