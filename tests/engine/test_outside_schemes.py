"""A package from outside brings a scheme to every list by being installed; a bad one harms none."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

from engine.stage import SCHEMES
from tests.conftest import WAIT_S

PACKAGE = Path(__file__).parents[1] / "data" / "outside_scheme"
GOOD = """
def build(params, rng):
    from engine.schemes import local
    return local.build(params, rng)
"""
NONSENSE = """
import numpy as np
from engine.types import Decision
class Nonsense:
    sees_truth = False
    def act(self, observation):
        return Decision(np.full(len(observation.vehicle), np.nan), observation.serving)
def build(params, rng):
    return Nonsense()
"""
#: What packages do wrong, and what is said of it.
BAD = {
    "needy": ("import nowhere_at_all\n", "cannot be loaded (ModuleNotFoundError: No module named"),
    "absent": (None, "cannot be loaded (ModuleNotFoundError: No module named 'absent'"),
    "garbled": ("def build(:\n", "cannot be loaded (SyntaxError"),
    "leaving": ("raise SystemExit(9)\n", "cannot be loaded (SystemExit: 9)"),
    "empty": ("LABEL = 'Empty'\n", "empty offers no function build"),
    "old": ("def build(params):\n    pass\n", "cannot be built (TypeError"),
    "wordy": ("def build(p, r):\n    raise ValueError('a\\nb')\n", "built (ValueError: a b)"),
    "seven": ("def build(p, r):\n    return 7\n", "has no act"),
}
_LETTERS = "a name is of small letters, digits and hyphens"
_TAKEN = "there is a scheme of that name in IoV Twin"
#: Names that cannot be, and what is said of them.
NAMES = {
    "local": _TAKEN, "bound": _TAKEN, "Ill named": _LETTERS, "a,b": _LETTERS, "x" * 40: _LETTERS,
    "good": "good registers one of that name",
}  # fmt: skip
RUN = ["--mobility", "synthetic", "--steps", "4", "--vehicles", "40"]


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that pip installed the package into, from a copy: building leaves files."""
    source, site = tmp_path_factory.mktemp("source") / "package", tmp_path_factory.mktemp("site")
    shutil.copytree(PACKAGE, source, ignore=shutil.ignore_patterns("__pycache__"))
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    alone = ["--no-deps", "--no-build-isolation", "--no-index"]
    done = subprocess.run(
        [*pip, *alone, "--target", str(site), str(source)],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return site


def register(site: Path, name: str, source: str | None, scheme: str = "") -> Path:
    """Write a package as if pip had installed it; without a source, only its registration."""
    module = name.replace("-", "_")
    site.mkdir(exist_ok=True)
    if source is not None:
        (site / f"{module}.py").write_text(source)
    about = site / f"{module}-1.dist-info"
    about.mkdir(parents=True)
    (about / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1\n")
    (about / "entry_points.txt").write_text(f"[iov_twin.schemes]\n{scheme or name} = {module}\n")
    return site


def python(site: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Python with that folder on its path."""
    known = [part for part in os.environ.get("PYTHONPATH", "").split(os.pathsep) if part]
    return subprocess.run(
        [sys.executable, *arguments],
        env={**os.environ, "PYTHONPATH": os.pathsep.join([*known, str(site)])},
        capture_output=True,
        text=True,
        timeout=WAIT_S,
        check=False,
    )


def known(site: Path) -> dict[str, list]:
    """The schemes of the catalogue, their names as the engine has them, and who is left out."""
    program = (
        "import json; from engine import catalogue, schemes, stage\n"
        "infos = {n: [i.label, i.ingredients, i.colour] for n, i in stage.SCHEMES.items()}\n"
        "print(json.dumps([infos, schemes.names(), catalogue.refused()]))"
    )
    done = python(site, "-c", program)
    assert done.returncode == 0, done.stderr
    infos, names, refused = json.loads(done.stdout)
    assert list(infos) == [*names, "bound"]
    return {"infos": infos, "refused": refused}


def test_it_is_in_every_list_with_its_own_words(installed: Path) -> None:
    infos = known(installed)["infos"]
    label, ingredients, colour = infos["half-hearted"]
    assert label == "Half-hearted"
    assert ingredients == "Half of every task is offloaded, whatever the twins say."
    assert [i[2] for i in infos.values()].count(colour) == 1
    control = (
        "from engine.control import Control; print(Control().merge({'stage': ['half-hearted']}))"
    )
    assert "half-hearted" in python(installed, "-c", control).stdout
    shown = "".join(python(installed, "-m", "app", "run", "--help").stdout.split())
    assert ",half-hearted," in shown
    doctor = python(installed, "-m", "engine.cli", "doctor", "--port", "0").stdout
    assert "ok    outside schemes: half-hearted (outside-scheme)" in doctor


def test_it_runs_beside_the_others_and_changes_none(installed: Path, tmp_path: Path) -> None:
    tables = []
    for name, stage in (("with", "local,half-hearted,constant"), ("without", "local,constant")):
        out = tmp_path / name
        options = ["--schemes", stage, "--rho", "0.5", *RUN, "--out", str(out)]
        done = python(installed, "-m", "engine.cli", "run", *options)
        assert done.returncode == 0, done.stderr
        tables.append(pd.read_parquet(out / "metrics.parquet"))
    both, fewer = tables
    mine = both[both.scheme == "half-hearted"].drop(columns="scheme").reset_index(drop=True)
    constant = both[both.scheme == "constant"].drop(columns="scheme").reset_index(drop=True)
    pd.testing.assert_frame_equal(mine, constant)
    others = both[both.scheme != "half-hearted"].reset_index(drop=True)
    pd.testing.assert_frame_equal(others, fewer)


def test_without_words_of_its_own_it_says_where_it_comes_from(tmp_path: Path) -> None:
    infos = known(register(tmp_path, "wordless", GOOD))["infos"]
    assert infos["wordless"][:2] == ["WORDLESS", "Comes with the package wordless."]


def test_words_are_read_without_running_the_package(tmp_path: Path) -> None:
    words = "LABEL: str = 'Mine'\nINGREDIENTS = ('Knows '\n    'little.')\nraise SystemExit(3)\n"
    infos = known(register(tmp_path, "loud", words))["infos"]
    assert infos["loud"][:2] == ["Mine", "Knows little."]
    folder = tmp_path / "nested" / "inner"
    folder.mkdir(parents=True)
    (folder.parent / "__init__.py").write_text("raise SystemExit(4)\n")
    (folder / "__init__.py").write_text("raise SystemExit(5)\n")
    (folder / "deep.py").write_text("LABEL = 'Deep'\n")
    register(tmp_path, "nested.inner.deep", None, "deep")
    assert known(tmp_path)["infos"]["deep"][0] == "Deep"


@pytest.fixture(scope="module")
def crowd(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a good package and many bad ones."""
    site = register(tmp_path_factory.mktemp("crowd"), "good", GOOD)
    for name, (source, _) in BAD.items():
        register(site, name, source)
    for at, name in enumerate(NAMES):
        register(site, f"zz-intruder-{at}", "raise SystemExit(3)\n", name)
    return register(site, "nonsense", NONSENSE)


def test_bad_packages_get_one_sentence_each_and_the_good_one_is_built(crowd: Path) -> None:
    program = (
        "import json, numpy as np; from engine import schemes; from engine.params import Params\n"
        "said = {}\n"
        f"for name in {['good', *BAD]}:\n"
        "    try: said[name] = type(schemes.build(name, Params(), np.random.default_rng(0), None))"
        ".__name__\n"
        "    except ValueError as error: said[name] = str(error)\n"
        "print(json.dumps(said))"
    )
    done = python(crowd, "-c", program)
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    assert said.pop("good") == "Local"
    for name, (_, words) in BAD.items():
        assert said[name].startswith(f"The scheme {name} "), said
        assert words in said[name]
        assert said[name].endswith(".")
        assert "\n" not in said[name]


def test_names_that_cannot_be_are_left_out(crowd: Path) -> None:
    found = known(crowd)
    assert set(found["infos"]) == {*SCHEMES, *BAD, "good", "nonsense"}
    for at, (name, words) in enumerate(NAMES.items()):
        (sentence,) = (text for text in found["refused"] if f"zz-intruder-{at} " in text)
        assert words in sentence
        assert name[:32] in sentence
    assert len(found["refused"]) == len(NAMES)


def test_the_doctor_names_what_is_wrong(crowd: Path) -> None:
    said = python(crowd, "-m", "engine.cli", "doctor", "--port", "0", "--json").stdout
    checks = {check["name"]: check for check in json.loads(said)["checks"]}
    text = checks["outside schemes"]["text"]
    assert not checks["outside schemes"]["ok"]
    assert all(words in text for words in [_TAKEN, _LETTERS, "empty offers no function build"])


@pytest.mark.parametrize(
    ("name", "status", "words"),
    [
        ("needy", 2, "The scheme needy of the package needy cannot be loaded"),
        ("nonsense", 1, "nonsense decided a rho that is no number."),
        ("good", 0, ""),
    ],
)
def test_a_run_ends_in_one_sentence_or_well(
    crowd: Path, tmp_path: Path, name: str, status: int, words: str
) -> None:
    options = ["--schemes", f"local,{name}", *RUN, "--out", str(tmp_path / "out")]
    done = python(crowd, "-m", "engine.cli", "run", *options)
    assert done.returncode == status, done.stderr
    assert words in done.stderr
    assert done.stderr.count("\n") == bool(words)
    assert (tmp_path / "out" / "summary.json").exists() == (status == 0)
