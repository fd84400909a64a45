"""Where the server listens and by which names it goes."""

from __future__ import annotations

import contextlib
import errno
import ipaddress
import os
import socket
from typing import Final

#: Ports tried when none was asked for and the usual one is taken.
_TRIED: Final = 20


class ListenError(RuntimeError):
    """The server cannot listen there; the message is one sentence."""


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach `host`."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def bind(host: str, port: int | None, usual: int) -> socket.socket:
    """A bound socket, on `port` or the first free one from `usual` on.

    Raises:
        ListenError: the port is taken or the address is not this machine's.
    """
    tried = [port] if port is not None else [*range(usual, usual + _TRIED)]
    for number in tried:
        try:
            return _bound(host, number)
        except OSError as error:
            if error.errno != errno.EADDRINUSE:
                why = os.strerror(error.errno) if error.errno else str(error)
                raise ListenError(f"Cannot listen on {host} port {number}: {why}.") from None
    if port is not None:
        raise ListenError(
            f"Port {port} on {host} is taken by another program: choose another with --port."
        )
    raise ListenError(f"Ports {tried[0]} to {tried[-1]} are all taken: choose one with --port.")


def _bound(host: str, port: int) -> socket.socket:
    family, kind, protocol, _, address = socket.getaddrinfo(
        host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
    )[0]
    listener = socket.socket(family, kind, protocol)
    try:
        if os.name == "posix":
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen(128)
    except OSError:
        listener.close()
        raise
    return listener


def names(host: str, port: int) -> frozenset[str]:
    """Values of the Host header that mean this server."""
    known = {"127.0.0.1", "localhost", "[::1]"}
    if not is_loopback(host):
        known |= {_bracketed(address) for address in addresses()}
        name = socket.gethostname().lower()
        known |= {name, f"{name.partition('.')[0]}.local"}
    if host not in ("0.0.0.0", "::"):
        known.add(_bracketed(host.lower()))
    return frozenset({f"{name}:{port}" for name in known} | (known if port == 80 else set()))


def addresses() -> list[str]:
    """Addresses of this machine that others may reach, the one towards the network first."""
    found: list[str] = []
    with contextlib.suppress(OSError), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.connect(("192.0.2.1", 9))  # sends nothing: only asks which way a packet would leave
        found.append(probe.getsockname()[0])
    with contextlib.suppress(OSError):
        found += [str(about[4][0]) for about in socket.getaddrinfo(socket.gethostname(), None)]
    return [address for address in dict.fromkeys(found) if "%" not in address]


def address_of(host: str, port: int) -> str:
    """The address to type into a browser."""
    if host in ("0.0.0.0", "::"):
        host = next(iter(addresses()), "127.0.0.1")
    return f"http://{_bracketed(host)}{'' if port == 80 else f':{port}'}/"


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host
