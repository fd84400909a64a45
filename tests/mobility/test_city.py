"""The packaged city: what the browser draws, and the units that cover it."""

from __future__ import annotations

import gzip
import itertools
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import sumo
import traci

from engine import ROOT
from engine.mobility import city
from engine.mobility.net import NetError, net_path, read_net

CITY = city.static_city()


def points(shape: list[float]) -> np.ndarray:
    return np.array(shape).reshape(-1, 2)


def test_the_description_is_small_json() -> None:
    text = city.static_json()
    assert len(text) < 250_000
    assert json.loads(text) == CITY


def test_roads_fill_the_square_and_stay_inside_it() -> None:
    drawn = np.concatenate([points(road["points"]) for road in CITY["roads"]])
    margin = 1.5 * 3.2  # half a carriageway
    assert margin < drawn.min()
    assert drawn.min() < 20.0
    assert 4980.0 < drawn.max() < 5000.0 - margin
    assert {road["width"] for road in CITY["roads"]} == {1, 3}
    assert all(road["arterial"] == (road["width"] == 3) for road in CITY["roads"])


def test_simplifying_moves_no_line_by_more_than_its_tolerance() -> None:
    angle = np.linspace(0.0, np.pi, 200)
    arc = 50.0 * np.column_stack([np.cos(angle), np.sin(angle)])
    few = city.simplified(arc)
    assert len(few) < 30
    along = np.linspace(0.0, 1.0, 50)[:, None]
    for a, b in itertools.pairwise(few):
        chord = a + along * (b - a)
        assert np.abs(np.hypot(chord[:, 0], chord[:, 1]) - 50.0).max() <= 0.3


def test_each_light_stands_at_a_stop_line_and_has_a_letter() -> None:
    assert len(CITY["signals"]) > 500
    ends = np.array([road["points"][-2:] for road in CITY["roads"]])
    for light in CITY["signals"]:
        states = CITY["programs"][light["program"]]["states"]
        assert all(light["link"] < len(state) for state in states)
        assert np.hypot(*(ends - [light["x"], light["y"]]).T).min() < 5.0


def test_every_program_shows_green_to_each_light_at_some_time() -> None:
    for light in CITY["signals"]:
        program = CITY["programs"][light["program"]]
        assert len(program["durations"]) == len(program["states"])
        letters = {state[light["link"]] for state in program["states"]}
        assert letters & set("Gg"), light


@pytest.mark.sumo
def test_programs_show_what_sumo_shows() -> None:
    net = read_net(net_path())
    binary = str(Path(sumo.SUMO_HOME) / "bin" / "sumo")
    traci.start([binary, "-n", str(net_path()), "--no-step-log", "true"])
    try:
        for _ in range(100):  # over a cycle of 90 s
            traci.simulationStep()
            begin_s = traci.simulation.getTime() - 1.0  # the second just simulated
            for junction, program in net.programs.items():
                at = (begin_s - program.offset_s) % sum(program.durations_s)
                phase = int(np.searchsorted(np.cumsum(program.durations_s), at, side="right"))
                shown = traci.trafficlight.getRedYellowGreenState(junction)
                assert shown == program.states[phase], (junction, begin_s)
    finally:
        traci.close()


@pytest.mark.sumo
def test_the_script_writes_the_packaged_nets(tmp_path: Path) -> None:
    for packaged, options in (
        (net_path(), []),
        (net_path(ROOT / "sumo_configs" / "small"), ["--arterials", "3", "--side", "1500"]),
    ):
        out = tmp_path / "city.net.xml.gz"
        script = ROOT / "sumo_configs" / "make_city.py"
        command = [sys.executable, script, "--seed", "1", *options, "--out", out]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        assert gzip.decompress(out.read_bytes()) == gzip.decompress(packaged.read_bytes())


def test_units_stand_in_the_middle_of_their_cells() -> None:
    units = city.rsu_positions()
    assert units.shape == (20, 2)
    assert units[0].tolist() == [500.0, 625.0]
    assert units[6].tolist() == [1500.0, 1875.0]
    assert units[-1].tolist() == [4500.0, 4375.0]


def test_every_place_has_a_unit_in_reach() -> None:
    side = np.linspace(0.0, city.SIDE_M, 101)
    places = np.column_stack([np.tile(side, 101), np.repeat(side, 101)])
    nearest = np.min(np.linalg.norm(places[:, None] - city.rsu_positions()[None], axis=2), axis=1)
    assert nearest.max() == pytest.approx(np.hypot(500.0, 625.0))
    assert nearest.max() < city.RANGE_M


def test_the_mesh_joins_cells_that_share_a_side() -> None:
    links = city.mesh_links()
    assert len(links) == 31
    units = city.rsu_positions()
    for a, b in links:
        assert sorted(np.abs(units[a] - units[b])) in ([0.0, 1000.0], [0.0, 1250.0])
    table = city.mesh_neighbours()
    assert table[0].tolist() == [1, 5, -1, -1]
    assert table[7].tolist() == [2, 6, 8, 12]
    assert {(a, int(b)) for a in range(20) for b in table[a] if a < b} == set(links)


def test_trips_are_shared_by_length_and_lanes() -> None:
    net = read_net(net_path())
    names, share = net.places()
    assert share.sum() == pytest.approx(1.0)
    edges = {edge.name: edge for edge in net.edges}
    long, short = edges[names[0]], edges[names[1]]
    expected = long.length_m * long.lanes / (short.length_m * short.lanes)
    assert share[0] / share[1] == pytest.approx(expected)
    assert all(edges[name].length_m > 40.0 for name in names)


def write_net(folder: Path, text: str) -> Path:
    (folder / "city.net.xml.gz").write_bytes(gzip.compress(text.encode()))
    return folder


def test_a_folder_without_a_net_is_named(tmp_path: Path) -> None:
    with pytest.raises(NetError, match=r"There is no city\.net\.xml\.gz in"):
        net_path(tmp_path)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("<net><edge", "is no valid SUMO road net"),
        ("<routes/>", "holds <routes>, not a SUMO road net"),
        ('<net><edge id="a"/></net>', "is no valid SUMO road net"),
        ('<net><edge id="a" to="b"><lane shape="0,0 x,1"/></edge></net>', "no valid SUMO road net"),
    ],
)
def test_a_bad_net_is_refused_in_one_sentence(tmp_path: Path, text: str, words: str) -> None:
    with pytest.raises(NetError, match=words) as refused:
        read_net(net_path(write_net(tmp_path, text)))
    assert "\n" not in str(refused.value)


def test_a_file_that_is_not_packed_is_refused(tmp_path: Path) -> None:
    (tmp_path / "city.net.xml.gz").write_text("<net/>")
    with pytest.raises(NetError, match="cannot be read as a packed net"):
        read_net(net_path(tmp_path))


LANE = '<lane length="90" shape="0,{y} 90,{y}" {more}/>'


@pytest.mark.parametrize(
    ("more", "is_open"),
    [
        ("", True),
        ('allow="passenger bus truck bicycle"', True),
        ('allow="bus"', False),
        ('disallow="tram"', True),
        ('disallow="truck"', False),
        ('disallow="all"', False),
    ],
)
def test_trips_use_only_roads_open_to_all_three_kinds(
    tmp_path: Path, more: str, is_open: bool
) -> None:
    lanes = LANE.format(y=0, more=more) + LANE.format(y=2, more=more)
    net = f'<net><edge id="a" to="b">{lanes}</edge></net>'
    (edge,) = read_net(net_path(write_net(tmp_path, net))).edges
    assert edge.is_open is is_open
    assert edge.lanes == 2
    assert edge.shape_m.tolist() == [[0.0, 1.0], [90.0, 1.0]]


def test_a_net_without_roads_for_trips_is_refused(tmp_path: Path) -> None:
    with pytest.raises(NetError, match="fewer than two roads"):
        read_net(net_path(write_net(tmp_path, "<net/>"))).places()
