"""A SUMO road net as arrays and shapes: where vehicles can go, what lights stand where."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from xml.etree import ElementTree

import numpy as np

from engine import ROOT
from engine.types import Floats

#: A net larger than this, unpacked, is refused: it would not be a city this page can draw.
MAX_NET_BYTES: Final = 256 * 2**20
#: File name of the net in a city's folder.
NET_NAME: Final = "city.net.xml.gz"
_CLASSES: Final = frozenset({"passenger", "bus", "truck"})
Element = ElementTree.Element


class NetError(ValueError):
    """The file is no road net that can be used; the message is one sentence for the user."""


@dataclass(frozen=True)
class Edge:
    """One carriageway: `shape_m` its centre line, (k, 2); `is_open` to cars, buses and trucks."""

    name: str
    lanes: int
    length_m: float
    shape_m: Floats
    junction: str
    is_open: bool


@dataclass(frozen=True)
class Program:
    """A fixed-time signal program: phase durations in seconds and one letter per link and phase."""

    offset_s: float
    durations_s: tuple[float, ...]
    states: tuple[str, ...]


@dataclass(frozen=True)
class Signal:
    """A light at the stop line of one lane; `link` indexes the states of its junction's program."""

    junction: str
    link: int
    position_m: tuple[float, float]
    heading_rad: float


@dataclass(frozen=True)
class Net:
    """What is read from a net file.

    Attributes:
        edges: carriageways, by name. junctions_m: outlines of the crossings, each (k, 2).
        programs: fixed-time programs by junction. signals: one light a lane.
    """

    edges: tuple[Edge, ...]
    junctions_m: tuple[Floats, ...]
    programs: dict[str, Program]
    signals: tuple[Signal, ...]

    def places(self) -> tuple[tuple[str, ...], Floats]:
        """Edges a trip may start or end on, and each one's share of trips (length x lanes)."""
        usable = [e for e in self.edges if e.is_open and e.length_m > 40.0]
        if len(usable) < 2:
            raise NetError(
                "The net has fewer than two roads over 40 m that cars, buses and trucks may use."
            )
        weight = np.array([e.length_m * e.lanes for e in usable])
        return tuple(e.name for e in usable), weight / weight.sum()


def net_path(city: Path | None = None) -> Path:
    """The net of a city's folder, of the packaged city if None.

    Raises:
        NetError: there is no such file.
    """
    path = (city or ROOT / "sumo_configs") / NET_NAME
    if not path.is_file():
        raise NetError(f"There is no {NET_NAME} in {path.parent}: name the folder of a city.")
    return path


def read_net(path: Path) -> Net:
    """Read a `.net.xml.gz`.

    Raises:
        NetError: the file is damaged, too large or no net.
    """
    try:
        with gzip.open(path) as file:
            text = file.read(MAX_NET_BYTES + 1)
    except (OSError, EOFError, zlib.error) as error:
        raise NetError(f"{path} cannot be read as a packed net: {error}.") from None
    if len(text) > MAX_NET_BYTES:
        raise NetError(
            f"{path} is larger than {MAX_NET_BYTES >> 20} MB unpacked, too large a city."
        )
    try:
        root = ElementTree.fromstring(text)
        if root.tag != "net":
            raise NetError(f"{path} holds <{root.tag[:40]}>, not a SUMO road net.")
        return _net(root)
    except (ElementTree.ParseError, KeyError, IndexError) as error:
        raise NetError(f"{path} is no valid SUMO road net: {error}.") from None
    except ValueError as error:
        raise NetError(f"{path} is no valid SUMO road net: {error}") from None


def _net(root: Element) -> Net:
    elements = [e for e in root.iterfind("edge") if e.get("function") is None]
    lanes = {e.attrib["id"]: e.findall("lane") for e in elements}
    edges = sorted((_edge(e, lanes[e.attrib["id"]]) for e in elements), key=lambda e: e.name)
    junctions = (
        _points(j.attrib["shape"])
        for j in root.iterfind("junction")
        if j.get("type") != "internal" and j.get("shape")
    )
    return Net(
        edges=tuple(edges),
        junctions_m=tuple(shape for shape in junctions if len(shape) > 2),
        programs={t.attrib["id"]: _program(t) for t in root.iterfind("tlLogic")},
        signals=tuple(_signals(root, lanes)),
    )


def _points(text: str) -> Floats:
    """`x,y x,y` or `x,y,z x,y,z` as (k, 2)."""
    return np.array([[float(v) for v in point.split(",")[:2]] for point in text.split()])


def _edge(element: Element, lanes: list[Element]) -> Edge:
    middle = (len(lanes) - 1) // 2
    shape = _points(lanes[middle].attrib["shape"])
    if len(lanes) % 2 == 0:  # the centre line lies between two lanes
        other = _points(lanes[middle + 1].attrib["shape"])
        shape = (shape + other) / 2 if shape.shape == other.shape else shape
    return Edge(
        name=element.attrib["id"],
        lanes=len(lanes),
        length_m=float(lanes[0].attrib["length"]),
        shape_m=shape,
        junction=element.attrib["to"],
        is_open=any(_is_open(lane) for lane in lanes),
    )


def _is_open(lane: Element) -> bool:
    if "allow" in lane.attrib:
        return set(lane.attrib["allow"].split()) >= _CLASSES
    return not _CLASSES & set(lane.get("disallow", "").split()) and lane.get("disallow") != "all"


def _program(element: Element) -> Program:
    phases = element.findall("phase")
    return Program(
        offset_s=float(element.get("offset", "0")),
        durations_s=tuple(float(p.attrib["duration"]) for p in phases),
        states=tuple(p.attrib["state"] for p in phases),
    )


def _signals(root: Element, lanes: dict[str, list[Element]]) -> Iterator[Signal]:
    """One light a lane: of its link straight on if it has one, else of its first."""
    chosen: dict[tuple[str, int], Element] = {}
    for link in root.iterfind("connection"):
        if link.get("tl") is None:
            continue
        key = link.attrib["from"], int(link.attrib["fromLane"])
        if key not in chosen or (link.get("dir") == "s" and chosen[key].get("dir") != "s"):
            chosen[key] = link
    for (edge, lane), link in sorted(chosen.items(), key=lambda item: item[0]):
        shape = _points(lanes[edge][lane].attrib["shape"])
        dx, dy = shape[-1] - shape[-2]
        yield Signal(
            junction=link.attrib["tl"],
            link=int(link.attrib["linkIndex"]),
            position_m=(float(shape[-1, 0]), float(shape[-1, 1])),
            heading_rad=float(np.arctan2(dy, dx)),
        )
