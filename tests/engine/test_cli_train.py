"""`iov-twin train`: a policy, its log, an interrupt that can be resumed, and refusals."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from engine.cli import main
from engine.learning.checkpoint import load_policy
from engine.learning.exploration import Exploration
from engine.params import METAS

TINY = [
    "--mobility", "synthetic", "--presets", "default,easy", "--vehicles", "30",
    "--episode-steps", "6", "--forecast", "off",
]  # fmt: skip


def command(out: Path, *more: str) -> list[str]:
    episodes = () if "--episodes" in more else ("--episodes", "2")
    return ["train", *TINY, *episodes, "--out", str(out), *more]


def test_it_writes_a_policy_that_run_takes(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "new" / "mine.policy"
    assert main(command(out, "--seed", "3", "--json")) == 0
    told = capsys.readouterr()
    printed = json.loads(told.out)
    assert printed["out"] == str(out)
    assert [one["preset"] for one in printed["episodes"]] == ["default", "easy"]
    assert "episode 1 of 2 (default): cost " in told.err
    lines = (tmp_path / "new" / "mine.training" / "training.jsonl").read_text().splitlines()
    assert [json.loads(line) for line in lines] == printed["episodes"]
    made = load_policy(out)["made"]
    assert made["plan"]["seed"] == 3
    assert made["plan"]["parameters"][0]["vehicles"] == 30
    assert "--vehicles 30" in made["command"]
    assert str(tmp_path) not in json.dumps(made)
    run = ["run", "--mobility", "synthetic", "--schemes", "af-marl", "--vehicles", "30"]
    run += ["--steps", "2", "--out", str(tmp_path / "run"), "--policy", f"af-marl={out}"]
    assert main(run) == 0


def test_nothing_is_replaced_unless_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "mine.policy"
    assert main(command(out, "--episodes", "1")) == 0
    first = out.read_bytes()
    with pytest.raises(SystemExit) as ended:
        main(command(out, "--episodes", "1", "--seed", "9"))
    assert ended.value.code == 2
    assert "--force" in capsys.readouterr().err
    assert out.read_bytes() == first
    assert main(command(out, "--episodes", "1", "--seed", "9", "--force")) == 0
    assert out.read_bytes() != first


def test_more_episodes_go_on_and_other_weights_may_begin(tmp_path: Path) -> None:
    out, next_one = tmp_path / "mine.policy", tmp_path / "next.policy"
    assert main(command(out, "--episodes", "1")) == 0
    assert main(command(out, "--episodes", "2", "--resume")) == 0
    assert load_policy(out)["made"]["episodes"] == 2
    assert main(command(next_one, "--episodes", "1", "--from", str(out))) == 0
    made = load_policy(next_one)["made"]
    assert made["plan"]["start"]["name"] == "mine.policy"
    with pytest.raises(SystemExit):
        main(command(next_one, "--from", str(next_one), "--force"))
    assert load_policy(next_one)["made"] == made


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--episodes", "0"], "choose 1 to"),
        (["--episode-steps", "few"], "choose 1 to"),
        (["--scheme", "myopic"], "does not learn"),
        (["--scheme", "cleverest"], "There is no scheme 'cleverest'"),
        (["--presets", "default,rush"], "There is no preset 'rush'"),
        (["--mobility", "teleport"], "choose sumo, synthetic, or traces"),
        (["--mobility", "missing.npz"], "missing.npz"),
        (["--density", "20"], "give one of them"),
        (["--seed", "-1"], "0 to"),
        (["--deadline", "7"], "0.1 to 1 s"),
        (["--from", "missing.policy"], "missing.policy"),
        (["--resume"], "no training to resume"),
        (["--resume", "--force"], "not allowed with"),
        (["--train"], "--train"),
        (["--out", "policy.training"], "end it in .policy"),
        (["--out", "/dev/null/x.policy"], "cannot be written"),
    ],
)
def test_bad_input_ends_with_one_sentence(
    tmp_path: Path, options: list[str], words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(command(tmp_path / "mine.policy", *options))
    printed = capsys.readouterr()
    assert ended.value.code == 2
    assert words in printed.err
    assert printed.err.count("\n") == 1
    assert printed.out == ""
    assert not list(tmp_path.iterdir())


def test_another_s_training_is_not_resumed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "mine.policy"
    assert main(command(out, "--episodes", "1")) == 0
    with pytest.raises(SystemExit) as ended:
        main(command(out, "--resume", "--task-rate", "0.7"))
    assert ended.value.code == 2
    assert "task_rate is 0.5, not 0.7" in capsys.readouterr().err


def test_ctrl_c_keeps_the_last_checkpoint_and_says_how_to_go_on(tmp_path: Path) -> None:
    out = tmp_path / "mine.policy"
    long = command(out, "--episodes", "100000")
    process = subprocess.Popen(
        [sys.executable, "-m", "engine.cli", *long],
        stderr=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        text=True,
    )
    until = time.monotonic() + 120.0
    while not out.exists() and time.monotonic() < until:
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=30)
    assert process.returncode == 130
    assert "Traceback" not in err
    kept = len((tmp_path / "mine.training" / "training.jsonl").read_text().splitlines())
    assert kept >= 1
    assert "--resume" in err.splitlines()[-1]
    assert f" {kept} episode" in err.splitlines()[-1]
    assert main(command(out, "--episodes", str(kept + 1), "--resume")) == 0
    assert load_policy(out)["made"]["episodes"] == kept + 1


@pytest.mark.parametrize("kind", ["own", "equal"])
def test_benchmarks_are_trained_by_either_ingredients_and_resumed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], kind: str
) -> None:
    out, whole = tmp_path / "part.policy", tmp_path / "whole.policy"
    options = ("--scheme", "ddqn", "--ingredients", kind, "--task-rate", "1")
    assert main(command(whole, *options)) == 0
    assert main(command(out, *options, "--episodes", "1")) == 0
    assert main(command(out, *options, "--resume")) == 0
    one, other = load_policy(out), load_policy(whole)
    assert one["ingredients"] == kind
    assert all((other["tensors"][k] == v).all() for k, v in one["tensors"].items())
    assert f"--ingredients {kind}" in one["made"]["command"]
    run = ["run", "--mobility", "synthetic", "--schemes", "ddqn", "--vehicles", "30"]
    run += ["--steps", "2", "--policy", f"ddqn={out}"]
    assert main([*run, "--ingredients", kind, "--out", str(tmp_path / "run")]) == 0
    unlike = "equal" if kind == "own" else "own"
    capsys.readouterr()
    with pytest.raises(SystemExit) as ended:
        main([*run, "--ingredients", unlike, "--out", str(tmp_path / "other")])
    assert ended.value.code == 2
    assert f"with {kind} ingredients" in capsys.readouterr().err


def test_help_names_what_it_does_and_every_parameter(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["train", "--help"])
    text = " ".join(capsys.readouterr().out.split())
    for word in ("low,default,dense-learning,easy", "tensorboard --logdir", "(300)", "next larger"):
        assert word in text
    for meta in METAS.values():
        assert (f"{meta.option} " in text) == (meta.name not in ("train", "start"))


def test_training_from_scratch_explores_little_by_default(tmp_path: Path) -> None:
    out = tmp_path / "mine.policy"
    assert main(command(out, "--episodes", "1")) == 0
    options = load_policy(out)["options"]
    assert options["exploration"]["rate"] == pytest.approx(0.05 * Exploration().decay)
    assert options["settings"]["updates"] == 2
