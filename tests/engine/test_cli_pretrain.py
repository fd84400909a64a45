"""`iov-twin pretrain`: a start for `train` whose forecast has learnt, and refusals."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from engine.cli import main
from engine.learning.checkpoint import load_policy
from engine.learning.forecast import Forecaster
from engine.learning.policy import Policy
from engine.mobility.recorded import record
from engine.mobility.synthetic import SyntheticMobility
from engine.params import METAS, Params
from engine.schemes import af_marl
from engine.training import beginning

TINY = [
    "--mobility", "synthetic", "--presets", "default,easy", "--vehicles", "30",
    "--seconds", "4", "--steps", "4",
]  # fmt: skip


def command(out: Path, *more: str) -> list[str]:
    return ["pretrain", *TINY, "--out", str(out), *more]


def test_it_writes_a_start_that_train_takes(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "new" / "start.policy"
    assert main(command(out, "--seed", "3", "--json")) == 0
    told = capsys.readouterr()
    printed = json.loads(told.out)
    assert printed["out"] == str(out)
    assert "forecast.cvae: transformer at rate 5e-05, loss was " in told.err
    assert "forecast.plain: " in told.err
    state = load_policy(out)
    made = state["made"]
    assert made["samples"] == printed["samples"] > 100
    assert made["plan"]["seed"] == 3
    assert "--seconds 4 --steps 4 --seed 3 --vehicles 30" in made["command"]
    assert str(tmp_path) not in json.dumps(made)

    train = ["train", "--mobility", "synthetic", "--presets", "default", "--vehicles", "30"]
    train += ["--episode-steps", "2", "--episodes", "1", "--seed", "3"]
    mine = tmp_path / "mine.policy"
    assert main([*train, "--out", str(mine), "--from", str(out)]) == 0
    assert load_policy(mine)["made"]["plan"]["start"]["sha256"] == printed["sha256"]


def test_agents_are_untrained_and_forecasts_are_not(tmp_path: Path) -> None:
    out = tmp_path / "start.policy"
    assert main(command(out, "--seed", "3")) == 0
    made = Policy.of(load_policy(out), af_marl.ALGORITHM)
    scratch = af_marl.beginning(Params(start="scratch", seed=3), None)
    rate = made.options.adfl.learning_rate
    assert 0.0 < rate < scratch.options.adfl.learning_rate, "the start is not to be spoilt"
    adfl = replace(scratch.options.adfl, learning_rate=rate)
    assert made.options == replace(scratch.options, adfl=adfl)
    for name, value in scratch.networks.items():
        assert torch.equal(made.networks[name], value)
    for cvae in (True, False):
        learnt = made.forecasts[cvae] - Forecaster(3, cvae=cvae).start()
        assert 0.0 < float(learnt.abs().max()) < 0.1


def test_the_same_command_gives_the_same_and_replaces_only_if_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out, again = tmp_path / "start.policy", tmp_path / "again.policy"
    assert main(command(out)) == 0
    assert main(command(again)) == 0
    first = out.read_bytes()
    assert again.read_bytes() == first
    with pytest.raises(SystemExit) as ended:
        main(command(out, "--seed", "9"))
    assert ended.value.code == 2
    assert "--force" in capsys.readouterr().err
    assert out.read_bytes() == first
    assert main(command(out, "--seed", "9", "--force")) == 0
    assert out.read_bytes() != first


def test_every_trace_of_a_load_is_recorded_and_loads_count_alike(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for vehicles, seed in ((20, 1), (20, 2), (40, 3)):
        path = tmp_path / f"n{vehicles}_s{seed}.npz"
        record(SyntheticMobility(seed), 4, lambda _, n=vehicles: n, path, seed=seed)
    monkeypatch.setattr(beginning, "SAMPLES", 240)
    out = tmp_path / "start.policy"
    options = ["--mobility", str(tmp_path / "*.npz"), "--presets", "default"]
    assert main(command(out, *options, "--vehicles", "20")) == 0
    made = load_policy(out)["made"]
    assert set(made["plan"]["traffic"]["traces"]) == {"n20_s1.npz", "n20_s2.npz"}
    assert made["samples"] == 2 * 4 * 30


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--seconds", "1"], "choose 2 to"),
        (["--steps", "3"], "choose 4 to"),
        (["--presets", "default,rush"], "There is no preset 'rush'"),
        (["--mobility", "teleport"], "choose sumo, synthetic, or traces"),
        (["--mobility", "missing.npz"], "missing.npz"),
        (["--seed", "-1"], "0 to"),
        (["--deadline", "7"], "0.1 to 1 s"),
        (["--forecast", "off"], "--forecast"),
        (["--out", "policy.training"], "end it in .policy"),
        (["--out", "/dev/null/x.policy"], "cannot be written"),
        (["--vehicles", "1", "--task-rate", "0.05", "--seconds", "2"], "choose more --seconds"),
    ],
)
def test_bad_input_ends_with_one_sentence(
    tmp_path: Path, options: list[str], words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(command(tmp_path / "start.policy", *options))
    printed = capsys.readouterr()
    assert ended.value.code == 2
    assert words in printed.err
    assert printed.err.count("\n") == 1
    assert printed.out == ""
    assert not list(tmp_path.iterdir())


def test_an_interrupt_leaves_nothing_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(beginning, "pretrain", interrupted)
    assert main(command(tmp_path / "start.policy")) == 130
    assert capsys.readouterr().err.splitlines()[-1].endswith("nothing is written.")
    assert not list(tmp_path.iterdir())


def test_help_names_what_it_does_and_every_parameter(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["pretrain", "--help"])
    text = " ".join(capsys.readouterr().out.split())
    for word in ("low,default,dense-learning,easy", "train --from", "1600", "next larger"):
        assert word in text
    decided = ("train", "start", "forecast", "cvae")
    for meta in METAS.values():
        assert (f"{meta.option} " in text.partition("options:")[2]) == (meta.name not in decided)
