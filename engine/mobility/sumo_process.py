"""The real SUMO binary as a child that never outlives its parent and always says why it ended."""

from __future__ import annotations

import contextlib
import ctypes
import importlib.metadata
import os
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from engine.types import MobilityLost

#: SUMO computes a second of 1500 vehicles in 0.05 s; this long without any work, it hangs.
SILENCE_LIMIT_S: Final = 2.0
#: Loading a large net takes SUMO this long at most before it listens.
_LOAD_LIMIT_S: Final = 30.0
_POLL_S: Final = 0.25
_PR_SET_PDEATHSIG: Final = 1
_LENGTH: Final = struct.Struct("!i")  # before every message, itself included
_REINSTALL: Final = (
    'reinstall it with "pip install --force-reinstall eclipse-sumo", or choose --mobility synthetic'
)


def sumo_home() -> Path:
    """The folder of the SUMO package, whatever the environment variable SUMO_HOME says.

    Raises:
        MobilityLost: the package or its binary is missing.
    """
    try:
        import sumo  # noqa: PLC0415 - where SUMO was uninstalled, this is the place to say so
    except ImportError:
        raise MobilityLost(f"SUMO is not installed: {_REINSTALL}.") from None
    home = Path(sumo.SUMO_HOME)
    if not os.access(home / "bin" / "sumo", os.X_OK):
        raise MobilityLost(f"SUMO's program is missing in {home / 'bin'}: {_REINSTALL}.")
    return home


def sumo_version() -> str:
    """Version of the installed SUMO package."""
    return importlib.metadata.version("eclipse-sumo")


class SumoProcess:
    """A running SUMO and the connection to it, over which whole messages go and come.

    Once it has loaded its net SUMO listens, on all interfaces, for one client: this one, which
    dials every 10 ms. From then on it listens nowhere.

    Args:
        options: of the `sumo` command.
        meanwhile: called once SUMO is on its way, before it is waited for.

    Raises:
        MobilityLost: SUMO is missing, or ended instead of listening.
    """

    def __init__(self, options: Sequence[str], meanwhile: Callable[[], None] | None = None) -> None:
        home = sumo_home()
        port = _free_port()
        # A file, not a pipe: nobody reads while SUMO runs, and a full pipe would stop it.
        self._said = tempfile.TemporaryFile()  # noqa: SIM115 - closed by `close`
        self._process = subprocess.Popen(
            [home / "bin" / "sumo", *options, "--remote-port", str(port)],
            stdin=subprocess.DEVNULL,
            stdout=self._said,
            stderr=subprocess.STDOUT,
            env={**os.environ, "SUMO_HOME": str(home)},
            start_new_session=True,  # Ctrl-C in the terminal is the engine's to handle
            preexec_fn=_die_with_parent(),  # noqa: PLW1509 - no thread runs beside
        )
        self._ended = ""  # why, once it has
        try:
            if meanwhile is not None:
                meanwhile()
            self._link = self._connect(port)
        except BaseException:
            self._kill()
            raise

    @property
    def pid(self) -> int:
        """Process id of SUMO itself."""
        return self._process.pid

    def send(self, message: bytes) -> None:
        """Send one message.

        Raises:
            MobilityLost: SUMO is gone.
        """
        self._check()
        try:
            self._link.sendall(_LENGTH.pack(len(message) + _LENGTH.size) + message)
        except OSError:
            raise self._lost(self._reason()) from None

    def receive(self) -> memoryview:
        """Wait for one message; a SUMO that does no work for two seconds is ended.

        Raises:
            MobilityLost: SUMO is gone or hangs.
        """
        self._check()
        length = _LENGTH.unpack(self._receive_exactly(_LENGTH.size))[0]
        return self._receive_exactly(length - _LENGTH.size)

    def close(self) -> None:
        """End SUMO at once; safe to call twice."""
        self._ended = self._ended or "SUMO was closed: open the mobility again."
        self._link.close()
        self._kill()

    def _check(self) -> None:
        if self._ended:
            raise MobilityLost(self._ended)

    def _kill(self) -> None:
        if self._process.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.pid, signal.SIGKILL)
            self._process.wait()
        self._said.close()

    def _connect(self, port: int) -> socket.socket:
        give_up = time.monotonic() + _LOAD_LIMIT_S
        while time.monotonic() < give_up:
            if self._process.poll() is not None:
                raise MobilityLost(self._reason())
            with contextlib.suppress(ConnectionRefusedError):
                link = socket.create_connection(("127.0.0.1", port), _POLL_S)
                # A port nobody listens on yet may be drawn as our own end: then we reach ourselves.
                if link.getsockname() != link.getpeername():
                    link.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                    return link
                link.close()
            time.sleep(0.01)
        raise MobilityLost(f"SUMO was not ready after {_LOAD_LIMIT_S:.0f} s and was ended.")

    def _receive_exactly(self, size: int) -> memoryview:
        buffer = memoryview(bytearray(size))
        at, silence = 0, None
        while at < size:
            try:
                got = self._link.recv_into(buffer[at:])
            except TimeoutError:
                silence = silence or _Silence(self.pid)  # not made when the answer is prompt
                if silence.for_s() < SILENCE_LIMIT_S:
                    continue
                raise self._lost(
                    f"SUMO did not answer for {SILENCE_LIMIT_S:.0f} s and was ended: "
                    "reset to start it again."
                ) from None
            except OSError:
                got = 0
            if got == 0:
                raise self._lost(self._reason())
            at += got
        return buffer

    def _lost(self, why: str) -> MobilityLost:
        self._ended = why
        self.close()
        return MobilityLost(why)

    def _reason(self) -> str:
        """One sentence on how SUMO ended."""
        try:
            status = self._process.wait(_POLL_S)
        except subprocess.TimeoutExpired:
            return "SUMO closed its connection and was ended: reset to start it again."
        self._said.seek(0)
        lines = self._said.read(65536).decode(errors="replace").splitlines()
        errors = [line.partition("Error:")[2].strip() for line in lines if "Error:" in line]
        if errors:
            return f"SUMO ended with an error: {errors[0][:300].rstrip('.')}."
        if status < 0:
            return f"SUMO was killed ({signal.Signals(-status).name}): reset to start it again."
        return f"SUMO ended (exit status {status}): reset to start it again."


class _Silence:
    """How long a process has given no sign of life: neither a message nor, on Linux, CPU time.

    A starved machine makes SUMO slow, and it must not be ended for that.
    """

    def __init__(self, pid: int) -> None:
        self._stat = Path(f"/proc/{pid}/stat")
        self._since = time.monotonic() - _POLL_S
        self._used = self._cpu_time()

    def for_s(self) -> float:
        """Seconds since the last sign, as far as the calls of this method can tell."""
        now, used = time.monotonic(), self._cpu_time()
        if used != self._used:
            self._since, self._used = now, used
        return now - self._since

    def _cpu_time(self) -> str:
        try:
            fields = self._stat.read_text().rpartition(")")[2].split()
        except OSError:
            return ""
        return " ".join(fields[11:13])


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _die_with_parent() -> Callable[[], None] | None:
    """What the child runs before it becomes SUMO: have the kernel kill it when its parent dies."""
    if not sys.platform.startswith("linux"):
        return None
    prctl = ctypes.CDLL(None).prctl  # found before the fork: the child only calls it
    parent = os.getpid()

    def die_with_parent() -> None:
        prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:  # it died in between
            os._exit(1)

    return die_with_parent
