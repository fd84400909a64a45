"""The commands do what they say, and refuse in one sentence with exit status 2."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import pty
import signal
import socket
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from engine.cli import main
from engine.params import METAS
from engine.schemes import ddqn
from engine.schemes.af_marl import SHIPPED
from tests.conftest import WAIT_S

QUICK = ["--mobility", "synthetic", "--schemes", "local,tolled", "--steps", "3", "--vehicles", "30"]


def test_run_writes_results_and_prints_one_object(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["run", *QUICK, "--seed", "4", "--out", str(tmp_path / "out"), "--json"]) == 0
    printed = json.loads(capsys.readouterr().out)
    summary = json.loads((tmp_path / "out" / "summary.json").read_text())
    assert printed == {**summary, "out": str(tmp_path / "out")}
    assert list(summary["schemes"]) == ["local", "tolled"]
    assert summary["seed"] == 4


def test_train_and_no_train_and_the_policy_are_kept_with_the_results(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    options = ["--mobility", "synthetic", "--schemes", "af-marl", "--steps", "2", "--vehicles", "9"]
    policy = ["--policy", f"af-marl={SHIPPED}"]
    for name, more in (("a", ["--train"]), ("b", ["--train", "--no-train", *policy])):
        assert main(["run", *options, *more, "--out", str(tmp_path / name)]) == 0
    capsys.readouterr()
    one, other = (json.loads((tmp_path / n / "manifest.json").read_text()) for n in "ab")
    assert (one["parameters"]["train"], other["parameters"]["train"]) == (True, False)
    assert one["policies"] == {}
    assert other["policies"] == {"af-marl": hashlib.sha256(SHIPPED.read_bytes()).hexdigest()}


def test_results_are_not_replaced_unless_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["run", *QUICK, "--out", str(tmp_path)]
    assert main(command) == 0
    first = (tmp_path / "metrics.parquet").read_bytes()
    with pytest.raises(SystemExit) as ended:
        main([*command, "--seed", "9"])
    assert ended.value.code == 2
    assert "--force" in capsys.readouterr().err
    assert (tmp_path / "metrics.parquet").read_bytes() == first
    assert main([*command, "--seed", "9", "--force"]) == 0
    assert (tmp_path / "metrics.parquet").read_bytes() != first


def test_a_fork_is_written_beside_the_results(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    change = ["--change", "rsu-capacity=1", "--change", "scheme:tolled=offload"]
    fork = ["--fork-at", "2", *change, "--horizon", "4"]
    assert main(["run", *QUICK, *fork, "--out", str(tmp_path), "--json"]) == 0
    printed = json.loads(capsys.readouterr().out)
    assert list(printed["fork"]["changed"]) == ["local", "offload"]
    assert printed["fork"]["changed"]["offload"]["rho"] == 1.0
    about = json.loads((tmp_path / "manifest.json").read_text())["fork"]
    assert about["change"] == {
        "params": {"rsu_capacity": [1.0, 1.0]},
        "replace": {"tolled": "offload"},
    }
    assert about["scenes"]["base"] == about["scenes"]["changed"]
    with pytest.raises(SystemExit):
        main(["run", *QUICK, "--out", str(tmp_path)])
    assert main(["run", *QUICK, "--out", str(tmp_path), "--force"]) == 0
    assert not (tmp_path / "fork.parquet").exists()


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--deadline", "7"], "0.1 to 1 s"),
        (["--deadline", "1:0.5"], "LOW:HIGH"),
        (["--vehicles", "nan"], "1 to 2000"),
        (["--vehicles", "30", "--density", "20"], "give one of them"),
        (["--steps", "0"], "choose 1 to"),
        (["--steps", "9" * 5000], "choose 1 to"),
        (["--schemes", "cleverest"], "There is no scheme 'cleverest'"),
        (["--schemes", "local,local"], "once"),
        (["--preset", "rush"], "There is no preset 'rush'"),
        (["--mobility", "teleport"], "choose sumo, synthetic"),
        (["--mobility", "missing.npz"], "missing.npz"),
        (["--v2v", "maybe"], "on or off"),
        (["--nonsense"], "--nonsense"),
        (["--policy", "af-marl"], "SCHEME=FILE"),
        (["--policy", "cleverest=x"], "There is no scheme 'cleverest'"),
        (["--policy", "local=x"], "local does not learn"),
        (["--policy", "af-marl=x"], "add it to --schemes"),
        (["--policy", "local=x", "--policy", "local=y"], "twice"),
        (["--schemes", "af-marl", "--policy", "af-marl=missing.policy"], "missing.policy"),
        (["--schemes", "af-marl", "--policy", f"af-marl={__file__}"], "no policy of IoV Twin"),
        (["--out", "/dev/null/x"], "cannot be written"),
        (["--fork-at", "4"], "--fork-at='4' is not possible: choose 0 to 3"),
        (["--fork-at", "soon"], "choose 0 to 3"),
        (["--change", "deadline=0.5"], "say where by --fork-at"),
        (["--horizon", "9"], "say where by --fork-at"),
        (["--fork-at", "1", "--horizon", "0"], "choose 1 to 600"),
        (["--fork-at", "1", "--change", "deadline"], "write NAME=VALUE"),
        (["--fork-at", "1", "--change", "deadline=9"], "0.1 to 1 s"),
        (["--fork-at", "1", "--change", "wings=2"], "There is no parameter 'wings'"),
        (["--fork-at", "1", "--change", "seed=2"], "takes effect at a reset"),
        (["--fork-at", "1", "--change", "train=on"], "do not train"),
        (["--fork-at", "1", "--change", "scheme:ddqn=local"], "ddqn is not on stage"),
        (["--fork-at", "1", "--change", "scheme:local=x"], "There is no scheme 'x'"),
        (["--fork-at", "1", "--change", "stage=local,x"], "There is no scheme 'x'"),
        (["--fork-at", "1", "--policy", "af-marl=x"], "add it to --schemes"),
        (
            ["--fork-at", "1", "--change", "scheme:local=af-marl", "--policy", "af-marl=x"],
            "x cannot be read",
        ),
    ],
)
def test_bad_input_ends_with_one_sentence(
    tmp_path: Path, options: list[str], words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    quick = ["run", *QUICK, "--out", str(tmp_path)]
    if "--density" in options:
        quick = quick[:-4] + quick[-2:]
    with pytest.raises(SystemExit) as ended:
        main([*quick, *options])
    printed = capsys.readouterr()
    assert ended.value.code == 2
    assert words in printed.err
    assert printed.err.count("\n") == 1
    assert printed.out == ""


def test_a_policy_that_does_not_ship_ends_with_one_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    without = {kind: replace(kit, shipped=tmp_path / "gone") for kind, kit in ddqn.KITS.items()}
    monkeypatch.setattr(ddqn, "KITS", without)
    with pytest.raises(SystemExit) as ended:
        main(["run", *QUICK, "--schemes", "local,bound,ddqn", "--out", str(tmp_path / "out")])
    assert ended.value.code == 2
    assert "choose --start scratch" in capsys.readouterr().err.splitlines()[-1]
    assert not (tmp_path / "out").exists()


def test_help_names_every_parameter_with_its_range(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["run", "--help"])
    text = " ".join(capsys.readouterr().out.split())
    for meta in METAS.values():
        assert meta.option in text
        assert meta.allowed.split(",")[0] in text


@pytest.mark.sumo
def test_a_recorded_trace_is_replayed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    trace = tmp_path / "traces" / "short.npz"
    options = ["--steps", "5", "--vehicles", "30", "--out", str(trace), "--json"]
    assert main(["record", *options]) == 0
    about = json.loads(capsys.readouterr().out)
    assert (about["steps"], about["out"]) == (5, str(trace))
    out = ["--out", str(tmp_path / "out"), "--json"]
    assert main(["run", *QUICK, "--mobility", str(trace), *out]) == 0
    manifest = json.loads((tmp_path / "out" / "manifest.json").read_text())
    assert manifest["mobility"]["digest"] == about["digest"]


def test_doctor_finds_a_busy_port_and_a_store_it_cannot_write(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as busy:
        port = str(busy.getsockname()[1])
        assert main(["doctor", "--json", "--port", port, "--store", "/proc/nowhere"]) == 1
    found = json.loads(capsys.readouterr().out)
    by_name = {check["name"]: check for check in found["checks"]}
    assert found["ok"] is False
    assert "--port" in by_name["port"]["text"]
    assert "--store" in by_name["store"]["text"]
    assert main(["doctor", "--port", "0", "--store", str(tmp_path / "new")]) == 0
    assert "FAIL" not in capsys.readouterr().out


def test_ctrl_c_keeps_what_is_done(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "engine.cli", "run", *QUICK, "--steps", "1000000"]
    # On a terminal it tells which step it is at.
    terminal, its_end = pty.openpty()
    process = subprocess.Popen(
        [*command, "--out", str(tmp_path)], stderr=its_end, stdout=subprocess.DEVNULL
    )
    os.close(its_end)
    said = b""
    while b" of 1000000" not in said:
        said += os.read(terminal, 4096)
    process.send_signal(signal.SIGINT)
    with contextlib.suppress(OSError):  # the terminal's way to say that nobody is left
        while more := os.read(terminal, 4096):
            said += more
    os.close(terminal)
    err = said.decode()
    assert process.wait(WAIT_S) == 130
    assert "Traceback" not in err
    steps = json.loads((tmp_path / "summary.json").read_text())["steps"]
    assert 0 < steps < 1_000_000
    assert f"{steps} of 1000000 steps are kept" in err
