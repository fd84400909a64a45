"""Checks of the machine: what works, what does not, and what to do about it."""

from __future__ import annotations

import importlib
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import webbrowser
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from engine import catalogue
from engine.manifest import versions

_BROWSERS: Final = ("chromium", "chromium-browser", "google-chrome", "firefox", "msedge")
_PACKAGES: Final = ("dash", "diskcache", "fastapi", "numpy", "pandas", "plotly", "pyarrow", "traci")
#: The store takes some 230 MB a day at twenty metrics rows a second.
_FREE_BYTES: Final = 2**29


@dataclass(frozen=True)
class Check:
    """One finding: `required` ones that are not `ok` keep the program from working."""

    name: str
    ok: bool
    text: str
    required: bool = True

    @property
    def line(self) -> str:
        """The finding on one line of text."""
        mark = "ok  " if self.ok else "FAIL" if self.required else "warn"
        return f"{mark}  {self.name}: {self.text}"


class _Problem(Exception):  # noqa: N818  what a check found, and what to do about it
    pass


def examine(store: Path, host: str, port: int) -> Iterator[Check]:
    """Run all checks.

    Args:
        store: folder that the store would use.
        host: address where the page would be served.
        port: likewise.
    """
    yield _check("Python", _python)
    yield _check("packages", _packages)
    yield _check("SUMO", _sumo)
    yield _check("store", lambda: _store(store))
    yield _check("port", lambda: _port(host, port))
    yield _check("browser", _browser, required=False)
    yield _check("outside schemes", _outside, required=False)


def _check(name: str, finding: Callable[[], str], *, required: bool = True) -> Check:
    try:
        return Check(name, True, finding(), required)
    except _Problem as problem:
        return Check(name, False, str(problem), required)


def _python() -> str:
    known = versions()
    return f"{known['python']} on {known['platform']} ({sys.executable})"


def _packages() -> str:
    missing = []
    for name in _PACKAGES:
        try:
            importlib.import_module(name)
        except ImportError:
            missing.append(name)
    if missing:
        raise _Problem(f"{', '.join(missing)} missing: pip install --force-reinstall iov-twin")
    known = versions()
    return ", ".join(f"{name} {known[name]}" for name in ("numpy", "pandas", "pyarrow", "traci"))


def _sumo() -> str:
    from engine.mobility.sumo_process import sumo_home  # noqa: PLC0415  absent only if broken
    from engine.types import MobilityLost  # noqa: PLC0415

    try:
        home = sumo_home()
    except MobilityLost as error:
        raise _Problem(str(error)) from None
    binary = home / "bin" / "sumo"
    try:
        said = subprocess.run(
            [binary, "--version"],
            env={**os.environ, "SUMO_HOME": str(home)},
            capture_output=True,
            text=True,
            timeout=20,
            check=True,
        )
    except (OSError, subprocess.SubprocessError) as error:
        raise _Problem(
            f"{binary} does not run ({error}): pip install --force-reinstall eclipse-sumo"
        ) from None
    return f"{said.stdout.splitlines()[0]} ({binary})"


def _store(path: Path) -> str:
    where = path
    while not where.exists():
        where = where.parent
    try:
        with tempfile.NamedTemporaryFile(dir=where):
            pass
    except OSError as error:
        raise _Problem(
            f"{path} cannot be written ({error.strerror}): choose another folder with --store"
        ) from None
    free = shutil.disk_usage(where).free
    if free < _FREE_BYTES:
        raise _Problem(f"{path} has {free / 1e6:.0f} MB left: free some, or choose --store")
    return f"{path} can be written, {free / 1e9:.0f} GB free"


def _port(host: str, port: int) -> str:
    try:
        with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((host, port))
    except (OSError, OverflowError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise _Problem(
            f"{host}:{port} is not free ({reason}): choose another with --port"
        ) from None
    return f"{host}:{port} is free"


def _browser() -> str:
    found = next((path for name in _BROWSERS if (path := shutil.which(name))), None)
    if found is not None:
        return found
    try:
        return webbrowser.get().__class__.__name__
    except webbrowser.Error:
        raise _Problem("none found here: open the printed address in one elsewhere") from None


def _outside() -> str:
    found, wrong = catalogue.outside(), list(catalogue.refused())
    for scheme in found.values():
        try:
            scheme.load()
        except catalogue.SchemeError as error:
            wrong.append(str(error))
    if wrong:
        raise _Problem(" ".join(wrong))
    return ", ".join(f"{s.name} ({s.package})" for s in found.values()) or "none registered"
