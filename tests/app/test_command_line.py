"""What the command line means, and by which names the server goes."""

from __future__ import annotations

import asyncio
import socket

import pytest

from app import listen
from app.options import default_store, parse
from engine.learning.checkpoint import save_policy
from engine.params import METAS
from engine.presets import PRESETS
from engine.stage import DEFAULT_STAGE


def test_without_options_only_this_machine_sees_the_default_city():
    options = parse([])
    assert (options.host, options.port, options.share, options.mobility) == (
        "127.0.0.1", None, False, "sumo",
    )  # fmt: skip
    assert options.browser
    assert options.control.params == PRESETS["default"].params()
    assert options.control.stage == tuple(DEFAULT_STAGE)


@pytest.mark.parametrize("meta", METAS.values(), ids=lambda meta: meta.name)
def test_every_parameter_is_an_option(meta):
    other = {"choice": meta.choices[-1:], "switch": ("off" if meta.default else "on",)}
    text = other.get(meta.kind, (f"{meta.low + meta.step:g}",))[0]
    params = parse([meta.option, text]).control.params
    assert getattr(params, meta.name) == meta.parse(text)


def test_parameters_win_over_the_preset():
    params = parse(
        ["--preset", "paper-literal", "--seed", "7", "--task-rate", "0.2"]
    ).control.params
    assert (params.equations, params.seed, params.task_rate) == ("paper-literal", 7, 0.2)


def test_the_store_is_in_the_users_cache(monkeypatch, tmp_path):
    monkeypatch.setattr("sys.platform", "linux")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert default_store() == tmp_path / "iov-twin"
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert default_store() == tmp_path / ".cache" / "iov-twin"


def test_help_names_every_option(capsys):
    with pytest.raises(SystemExit) as ended:
        parse(["--help"])
    text = capsys.readouterr().out
    assert ended.value.code == 0
    assert all(meta.option in text for meta in METAS.values())
    assert "run|contest|export|record|train|doctor" in text


def test_a_taken_usual_port_gives_way_to_the_next():
    with listen.bind("127.0.0.1", 0, 0) as first:
        usual = first.getsockname()[1]
        with listen.bind("127.0.0.1", None, usual) as second:
            assert usual < second.getsockname()[1] <= usual + 20
        with pytest.raises(listen.ListenError, match="taken by another program"):
            listen.bind("127.0.0.1", usual, 0)


def test_an_address_of_another_machine_is_refused():
    with pytest.raises(listen.ListenError, match=r"Cannot listen on 192\.0\.2\.1"):
        listen.bind("192.0.2.1", 0, 0)


def test_names_on_loopback_are_those_of_this_machine_alone():
    assert listen.names("127.0.0.1", 8050) == {"127.0.0.1:8050", "localhost:8050", "[::1]:8050"}
    assert "localhost" in listen.names("127.0.0.1", 80)
    assert f"{socket.gethostname().lower()}:8050" not in listen.names("127.0.0.1", 8050)
    shared = listen.names("0.0.0.0", 8050)
    assert f"{socket.gethostname().lower()}:8050" in shared
    assert "0.0.0.0:8050" not in shared


@pytest.mark.parametrize(
    ("host", "is_loopback"),
    [("127.0.0.1", True), ("127.9.9.9", True), ("::1", True), ("localhost", True),
     ("0.0.0.0", False), ("::", False), ("192.168.1.2", False), ("example.org", False)],
)  # fmt: skip
def test_loopback_is_told_from_the_rest(host, is_loopback):
    assert listen.is_loopback(host) == is_loopback


def test_the_page_comes_before_the_engine_has_said_anything(make_site):
    site = make_site(overlay=lambda _: {"state": "starting", "message": "The engine is starting."})

    async def scenario():
        async with site.serving() as tab:
            page = await site.ask_async("GET", "/")
            status = await tab().text("status")
            return page.status, status["state"]

    assert asyncio.run(scenario()) == (200, "starting")


def test_files_are_found_wherever_the_engine_works(tmp_path, monkeypatch):
    (tmp_path / "trace.npz").write_bytes(b"")
    monkeypatch.chdir(tmp_path)
    options = parse(["--store", "here", "--mobility", "trace.npz"])
    assert (options.store, options.mobility) == (tmp_path / "here", str(tmp_path / "trace.npz"))


@pytest.fixture
def policy(tmp_path):
    path = tmp_path / "mine.policy"
    save_policy(path, {"scheme": "af-marl", "tensors": {}})
    return path


def test_policies_are_found_wherever_the_engine_works(policy, monkeypatch):
    monkeypatch.chdir(policy.parent)
    assert parse(["--policy", "af-marl=mine.policy"]).policies == {"af-marl": policy}
    assert parse([]).policies == {}


@pytest.mark.parametrize(
    ("word", "said"),
    [
        ("af-marl", "write SCHEME=FILE"),
        ("nobody={file}", "There is no scheme 'nobody'"),
        ("tolled={file}", "is of af-marl: tolled cannot use it"),
        ("af-marl={file}.gone", "cannot be read (No such file or directory)"),
        ("af-marl={folder}", "cannot be read (Is a directory)"),
        ("af-marl={other}", "is no policy of IoV Twin"),
        ("af-marl={damaged}", "is damaged"),
    ],
)
def test_a_policy_that_cannot_be_used_is_refused_before_anything_starts(policy, capsys, word, said):
    other, damaged = policy.with_name("other"), policy.with_name("damaged")
    other.write_text("other")
    damaged.write_bytes(policy.read_bytes() + b"x")
    word = word.format(file=policy, folder=policy.parent, other=other, damaged=damaged)
    with pytest.raises(SystemExit) as ended:
        parse(["--policy", word])
    text = capsys.readouterr().err
    assert ended.value.code == 2
    assert said in text
    assert text.count("\n") == 1
    with pytest.raises(SystemExit):
        parse(["--policy", f"af-marl={policy}", "--policy", f"af-marl={policy}"])
    assert "given twice" in capsys.readouterr().err
