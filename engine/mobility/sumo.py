"""Live mobility: SUMO over TraCI, one message a step each way, stepping ahead on its own core.

All commands of a step and the order to step travel in one message, and the answer is fetched when
the next step is asked for: while the engine works on second t, SUMO computes t + 1. Ids have a
fixed width, so every vehicle's record has the same length and one numpy view decodes them all.
"""

from __future__ import annotations

import hashlib
import struct
import zlib
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray
from traci import constants as tc

from engine import ROOT
from engine.mobility.net import net_path, read_net
from engine.mobility.population import Orders, Population
from engine.mobility.sumo_fork import SumoFork
from engine.mobility.sumo_process import SumoProcess, sumo_version
from engine.seeds import generator
from engine.types import Floats, Ints, MobilityLost, Snapshot

#: Options of SUMO that make the traffic what it is.
_FLAGS: Final = (
    "--step-length 1 --no-step-log true --no-warnings true --xml-validation never "
    "--time-to-teleport 300 --max-depart-delay 30 --ignore-route-errors true "
    "--device.rerouting.probability 1 --device.rerouting.period 0 "
    "--device.rerouting.adaptation-interval 10 --device.rerouting.adaptation-steps 18"
)
_KINDS: Final = ("car", "bus", "truck")
_ID_DIGITS: Final = 8
_ID_VALUE: Final = 10 ** np.arange(_ID_DIGITS - 1, -1, -1)
#: A vehicle's record in the answer to a step: id, then per variable number, status, type, value.
_RECORD: Final = np.dtype(
    [
        ("head", "V10"), ("id", "u1", (_ID_DIGITS,)), ("count", "V1"),
        ("position", "V3"), ("xy", ">f8", (2,)),
        ("speed", "V3"), ("mps", ">f8"),
        ("angle", "V3"), ("degrees", ">f8"),
    ]
)  # fmt: skip
#: The bytes that are the same in every record: between the id, the position, speed and angle.
_FIXED: Final = np.array(
    [
        *struct.pack(
            "!BiBi", 0, _RECORD.itemsize, tc.RESPONSE_SUBSCRIBE_VEHICLE_VARIABLE, _ID_DIGITS
        ),
        *(3, tc.VAR_POSITION, tc.RTYPE_OK, tc.POSITION_2D),
        *(tc.VAR_SPEED, tc.RTYPE_OK, tc.TYPE_DOUBLE),
        *(tc.VAR_ANGLE, tc.RTYPE_OK, tc.TYPE_DOUBLE),
    ],
    np.uint8,
)
_FIXED_AT: Final = np.array([*range(10), *range(18, 22), *range(38, 41), *range(49, 52)])
_UNKNOWN_FORM: Final = "SUMO answered in an unknown form: install eclipse-sumo 1.28.0."


class SumoMobility:
    """Vehicles in the city's traffic as SUMO drives them, as many as `step` asks for.

    Args:
        seed: of SUMO and of the trips; the same seed gives bit-identical snapshots.
        city: folder of the city, the packaged one if None.
        meanwhile: called while SUMO loads the city.

    Raises:
        MobilityLost: SUMO is missing or refuses the city.
        NetError: the city's net cannot be used.
    """

    def __init__(
        self,
        seed: int = 0,
        city: Path | None = None,
        meanwhile: Callable[[], None] | None = None,
    ) -> None:
        self._seed, self._city = seed, city.absolute() if city is not None else None
        net, types = net_path(city), ROOT / "sumo_configs" / "vtypes.add.xml"
        self._roads, share = read_net(net).places()
        self._population = Population(generator(seed, "mobility"), share)
        self._t_s = 0.0
        self._asked: Orders | None = None  # sent to SUMO and not yet answered
        self._targets: list[int] = []  # of the steps done
        self._shown: NDArray[np.void] = np.zeros(0, _RECORD)  # the last answer
        self._names = b""  # of the vehicles in the last answer
        self._vehicle: Ints = np.zeros(0, np.int64)
        self.digest = _digest([net, types], seed)
        files = ["--net-file", str(net), "--additional-files", str(types), "--seed", str(seed)]
        self._process = SumoProcess([*files, *_FLAGS.split()], meanwhile)
        self._process.send(_command(tc.CMD_GETVERSION, b""))
        self._process.receive()  # or SUMO says what it does not like about the net

    @property
    def pid(self) -> int:
        """Process id of SUMO."""
        return self._process.pid

    def step(self, target_vehicles: int) -> Snapshot:
        """Give the next second; `target_vehicles` is met by up to 40 new vehicles a step.

        Raises:
            MobilityLost: SUMO died, hangs or was closed.
        """
        if self._asked is None:  # the first step; from then on SUMO is one ahead
            self._send(self._population.orders(target_vehicles, np.zeros(0, np.bool_)))
        records = self._answer()
        self._t_s += 1.0
        vehicle = self._ids(records)
        xy, speed = records["xy"].astype(np.float64), records["mps"].astype(np.float64)
        # Waiting to enter, or between the two places of a teleport: position and speed are -2^30.
        on_road = xy[:, 0] > tc.INVALID_DOUBLE_VALUE
        self._population.observe(vehicle, np.where(on_road, speed, 0.0))
        kind = self._population.kind
        self._send(self._population.orders(target_vehicles, on_road))
        heading = _heading(records["degrees"].astype(np.float64))
        columns = (vehicle, xy, speed, heading, kind)
        shown = columns if on_road.all() else (column[on_road] for column in columns)
        self._targets.append(target_vehicles)
        self._shown = records
        return Snapshot(self._t_s, *shown)

    def fork(self) -> SumoFork:
        """See `Mobility.fork`; SUMO itself is not asked."""
        told = np.array(self._targets, np.int64)
        return SumoFork(self._seed, self._city, told, self.digest, self.checksum)

    @property
    def checksum(self) -> int:
        """Of what SUMO said of the last step."""
        return zlib.crc32(self._shown.tobytes())

    def close(self) -> None:
        """End SUMO; safe to call twice."""
        self._process.close()

    def _ids(self, records: NDArray[np.void]) -> Ints:
        """The vehicles' ids, ascending as SUMO was told of them, (n,)."""
        names = records["id"].tobytes()
        if names != self._names:  # rare: the population persists
            self._names = names
            self._vehicle = (records["id"] - ord("0")) @ _ID_VALUE
            if np.any(np.diff(self._vehicle) <= 0):
                raise MobilityLost(_UNKNOWN_FORM)
        return self._vehicle

    def _send(self, orders: Orders) -> None:
        """Send a step's orders and the command to step, without waiting for the answer."""
        step = _command(tc.CMD_SIMSTEP, bytes(8))
        self._process.send(b"".join([*_commands(orders, self._roads), step]))
        self._asked = orders

    def _answer(self) -> NDArray[np.void]:
        """Wait for the step that was sent, note the ways left, give the vehicles' records."""
        assert self._asked is not None
        orders, answer = self._asked, Answer(self._process.receive())
        for _ in range(2 * len(orders.remove) + len(orders.retarget)):
            answer.status()
        for _ in orders.add:
            answer.status()
            answer.status()
            answer.reply()
        left_m = [answer.number() for _ in orders.ask]
        self._population.answered(orders.ask, np.array(left_m, np.float64))
        answer.status()
        return answer.records()


class Answer:
    """SUMO's answer to one message, read in the order of the commands."""

    def __init__(self, message: memoryview) -> None:
        self._message = message
        self._at = 0

    def _block(self) -> memoryview:
        """The next length-prefixed block without its length."""
        start, length = self._at + 1, self._message[self._at]
        if length == 0:
            length = struct.unpack_from("!i", self._message, start)[0]
            start += 4
        self._at += length
        return self._message[start : self._at]

    def status(self) -> bool:
        """Whether the next command was carried out."""
        return bool(self._block()[1] == tc.RTYPE_OK)

    def reply(self) -> memoryview | None:
        """What the next command gives, None if it was refused."""
        return self._block() if self.status() else None

    def number(self) -> float:
        """The value of the next getter of a double, the invalid value if it was refused."""
        reply = self.reply()
        return float(struct.unpack("!d", reply[-8:])[0]) if reply else tc.INVALID_DOUBLE_VALUE

    def records(self) -> NDArray[np.void]:
        """All watched vehicles after the step, (n,).

        Raises:
            MobilityLost: the bytes are not what SUMO 1.28 sends.
        """
        count = struct.unpack_from("!i", self._message, self._at)[0]
        self._at += 4
        raw = self._message[self._at :]
        if len(raw) != count * _RECORD.itemsize:
            raw = self._sound_records(count)
        rows = np.frombuffer(raw, np.uint8).reshape(-1, _RECORD.itemsize)
        if not np.all(rows[:, _FIXED_AT] == _FIXED):
            raise MobilityLost(_UNKNOWN_FORM)
        return rows.view(_RECORD)[:, 0]

    def _sound_records(self, count: int) -> memoryview:
        """Without the longer records of vehicles that SUMO dropped itself."""
        sound = []
        for _ in range(count):
            start = self._at
            self._block()
            record = self._message[start : self._at]
            if len(record) == _RECORD.itemsize:
                sound.append(bytes(record))
        if self._at != len(self._message):
            raise MobilityLost(_UNKNOWN_FORM)
        return memoryview(b"".join(sound))


def _commands(orders: Orders, roads: Sequence[str]) -> Iterator[bytes]:
    """One command after the other, in the order `SumoMobility._answer` reads."""
    for vehicle in orders.remove.tolist():
        yield _watch(vehicle, b"")
        yield _set(tc.REMOVE, vehicle, struct.pack("!BB", tc.TYPE_BYTE, tc.REMOVE_VAPORIZED))
    for vehicle, road in zip(orders.retarget.tolist(), orders.retarget_to.tolist(), strict=True):
        yield _set(tc.CMD_CHANGETARGET, vehicle, _typed(roads[road]))
    columns = (orders.add, orders.add_kind, orders.add_from, orders.add_to)
    for vehicle, kind, a, b in zip(*(c.tolist() for c in columns), strict=True):
        yield from _enter(vehicle, _KINDS[kind], roads[a], roads[b])
    for vehicle, road in zip(orders.ask.tolist(), orders.ask_to.tolist(), strict=True):
        start = (
            struct.pack("!B", tc.POSITION_ROADMAP) + _text(roads[road]) + struct.pack("!dB", 0, 0)
        )
        way = struct.pack("!Bi", tc.TYPE_COMPOUND, 2) + start
        way += struct.pack("!B", tc.REQUEST_DRIVINGDIST)
        yield _command(
            tc.CMD_GET_VEHICLE_VARIABLE, bytes([tc.DISTANCE_REQUEST]) + _name(vehicle) + way
        )


def _enter(vehicle: int, kind: str, origin: str, destination: str) -> Iterator[bytes]:
    """Three commands: a trip of two roads, the vehicle on it, the watch on the vehicle."""
    trip = struct.pack("!Bi", tc.TYPE_STRINGLIST, 2) + _text(origin) + _text(destination)
    yield _command(tc.CMD_SET_ROUTE_VARIABLE, bytes([tc.ADD]) + _name(vehicle) + trip)
    route = f"{vehicle:0{_ID_DIGITS}d}"
    words = (
        route,
        kind,
        "now",
        "best",
        "random_free",
        "max",
        "current",
        "max",
        "current",
        "",
        "",
        "",
    )
    entry = struct.pack("!Bi", tc.TYPE_COMPOUND, 14) + b"".join(map(_typed, words))
    seats = struct.pack("!Bi", tc.TYPE_INTEGER, 0) * 2
    yield _set(tc.ADD_FULL, vehicle, entry + seats)
    yield _watch(vehicle, bytes([tc.VAR_POSITION, tc.VAR_SPEED, tc.VAR_ANGLE]))


def _watch(vehicle: int, variables: bytes) -> bytes:
    """Subscribe to variables of a vehicle from now on, or to none any more."""
    always = struct.pack("!dd", tc.INVALID_DOUBLE_VALUE, tc.INVALID_DOUBLE_VALUE)
    wanted = always + _name(vehicle) + bytes([len(variables)]) + variables
    return _command(tc.CMD_SUBSCRIBE_VEHICLE_VARIABLE, wanted)


def _command(command: int, content: bytes) -> bytes:
    size = len(content) + 2
    if size <= 255:
        return struct.pack("!BB", size, command) + content
    return struct.pack("!BiB", 0, size + 4, command) + content


def _set(variable: int, vehicle: int, value: bytes) -> bytes:
    return _command(tc.CMD_SET_VEHICLE_VARIABLE, bytes([variable]) + _name(vehicle) + value)


def _text(text: str) -> bytes:
    encoded = text.encode()
    return struct.pack("!i", len(encoded)) + encoded


def _typed(text: str) -> bytes:
    return bytes([tc.TYPE_STRING]) + _text(text)


def _name(vehicle: int) -> bytes:
    return _text(f"{vehicle:0{_ID_DIGITS}d}")


def _heading(degrees: Floats) -> Floats:
    """SUMO's angle, clockwise from north, as radians counter-clockwise from east in [-pi, pi)."""
    heading: Floats = (np.deg2rad(90.0 - degrees) + np.pi) % (2 * np.pi) - np.pi
    return heading


def _digest(files: Sequence[Path], seed: int) -> str:
    """Over everything that determines the motion: net, vehicle types, seed, options, versions."""
    told = f"sumo {sumo_version()} numpy {np.__version__} seed={seed} {_FLAGS}"
    digest = hashlib.sha256(told.encode())
    for file in files:
        digest.update(hashlib.sha256(file.read_bytes()).digest())
    return digest.hexdigest()
