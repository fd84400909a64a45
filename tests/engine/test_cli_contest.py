"""The command `contest`: files, tables, going on after an interrupt, refusals in one sentence."""

from __future__ import annotations

import json
import shlex
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from engine.cli import main
from engine.statistics import judge_all
from tests.conftest import WAIT_S

QUICK = [
    "contest", "--mobility", "synthetic", "--schemes", "myopic,tolled", "--steps", "8", "--skip",
    "2", "--vehicles", "30", "--seeds", "5",
]  # fmt: skip


def read(path: Path) -> dict:
    return json.loads(path.read_text())


def test_results_are_written_and_judged(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "new" / "results.json"
    assert main([*QUICK, "--first-seed", "50", "--out", str(out), "--json"]) == 0
    printed, kept = json.loads(capsys.readouterr().out), read(out)
    assert printed == {**kept, "judged": judge_all(kept), "out": str(out)}
    assert kept["seeds"] == [50, 51, 52, 53, 54]
    assert list(out.parent.iterdir()) == [out]


def test_the_table_shows_every_scheme_and_metric(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*QUICK, "--out", str(tmp_path / "r.json")]) == 0
    text = capsys.readouterr().out
    for words in ("Cost per task", "Success rate", "Delay per task, s", "Energy per task, J"):
        assert text.count(words) == 1
    judged = judge_all(read(tmp_path / "r.json"))["cost"]
    assert text.count("| tolled |") == text.count("| myopic |") == 4
    assert f"| tolled | {judged['schemes']['tolled']['mean']:.4f} |" in text
    assert f"| {judged['paired']['tolled']['verdict']} |" in text
    assert "5 seeds" in text


def test_the_command_in_the_results_gives_them_again(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    options = ["--deadline", "0.3:0.8", "--v2v", "--preset", "easy"]
    assert main([*QUICK, *options, "--out", str(tmp_path / "r.json")]) == 0
    made = read(tmp_path / "r.json")
    (tmp_path / "again").mkdir()
    monkeypatch.chdir(tmp_path / "again")
    words = shlex.split(made["made"]["command"])
    assert words[0] == "iov-twin"
    assert main(words[1:]) == 0
    assert read(tmp_path / "again" / "r.json") == made


def test_more_seeds_can_be_added(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = ["--out", str(tmp_path / "r.json")]
    assert main([*QUICK, *out]) == 0
    five = read(tmp_path / "r.json")
    assert main([*QUICK, "--seeds", "6", "--resume", *out]) == 0
    six = read(tmp_path / "r.json")
    assert six["seeds"] == [*five["seeds"], 1005]
    assert six["values"]["tolled"]["cost"][:5] == five["values"]["tolled"]["cost"]


def test_ctrl_c_keeps_what_is_done(tmp_path: Path) -> None:
    out = tmp_path / "r.json"
    command = [sys.executable, "-m", "engine.cli", *QUICK, "--steps", "60", "--seeds", "200"]
    process = subprocess.Popen(
        [*command, "--out", str(out)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    give_up = time.monotonic() + WAIT_S
    while not (out.exists() and len(read(out)["seeds"]) >= 2):
        assert time.monotonic() < give_up
        time.sleep(0.02)
    process.send_signal(signal.SIGINT)
    said, error = process.communicate(timeout=WAIT_S)
    assert process.returncode == 130
    seeds = len(read(out)["seeds"])
    assert 2 <= seeds < 200
    assert f"{seeds} seeds" in said
    assert f"{seeds} of 200 seeds are kept in {out}: add --resume" in error
    assert "Traceback" not in error


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--seeds", "0"], "--seeds='0' is not possible: choose 1 to 200"),
        (["--seeds", "many"], "choose 1 to 200"),
        (["--first-seed", "-1"], "--first-seed"),
        (["--steps", "0"], "choose 1 to"),
        (["--skip", "8"], "leaves nothing of 8 steps"),
        (["--schemes", "cleverest"], "There is no scheme 'cleverest'"),
        (["--mobility", "teleport"], "choose sumo, synthetic"),
        (["--mobility", "none*.npz"], "No trace matches"),
        (["--deadline", "7"], "0.1 to 1 s"),
        (["--preset", "rush"], "There is no preset 'rush'"),
        (["--seed", "3"], "--seed"),
        (["--policy", "af-marl=x"], "add it to --schemes"),
        (["--schemes", "af-marl,local", "--policy", "af-marl=x.policy"], "x.policy"),
        (["--resume"], "There are no results"),
        (["--resume", "--force"], "not allowed with"),
        (["--out", "results.txt"], "end it in .json"),
        (["--out", "/dev/null/x.json"], "cannot be written"),
    ],
)
def test_bad_input_ends_with_one_sentence(
    tmp_path: Path, options: list[str], words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        main([*QUICK, "--out", str(tmp_path / "r.json"), *options])
    printed = capsys.readouterr()
    assert ended.value.code == 2
    assert words in printed.err
    assert printed.err.count("\n") == 1
    assert printed.out == ""
    assert not (tmp_path / "r.json").exists()


def test_results_are_neither_replaced_nor_mixed_unless_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "r.json"
    command = [*QUICK, "--out", str(out)]
    assert main(command) == 0
    first = out.read_bytes()
    for more, words in ((), "--force"), (("--resume", "--steps", "9"), "steps differ"):
        capsys.readouterr()
        with pytest.raises(SystemExit):
            main([*command, *more])
        assert words in capsys.readouterr().err
        assert out.read_bytes() == first
    out.write_text("[nonsense")
    with pytest.raises(SystemExit):
        main([*command, "--resume"])
    assert "holds no results" in capsys.readouterr().err
    assert main([*command, "--force"]) == 0
    assert out.read_bytes() == first
