"""The command `iov-twin`: the only place that starts anything.

`serve` binds its port, starts the engine, and only then imports the web framework, so that SUMO is
on its way while Python reads modules.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
import sys
import threading
import webbrowser
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, Final

from app import listen
from app.claim import ClaimError, claim
from app.contests import Contests
from app.engine_process import EngineProcess
from app.options import PORT, ServeOptions, default_store, parse
from app.sharing import Sharing
from engine import cli
from engine.disk import StoreError
from engine.store import Store

if TYPE_CHECKING:
    import socket

    import uvicorn
    from starlette.types import ASGIApp

#: After a signal the program is gone within two seconds, whatever hangs.
_END_S: Final = 1.5
#: And what it has started, within one.
_CHILD_END_S: Final = 1.0
_ELSEWHERE: Final = ("run", "contest", "export", "record", "pretrain", "train", "doctor")
logger = logging.getLogger("iov_twin")

#: What the server has started: the engine, and whatever contest is being played.
Children = tuple[EngineProcess, Contests]


def main(arguments: Sequence[str] | None = None) -> int:
    """Do what the command line says; returns the exit status."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    if words and words[0] in _ELSEWHERE:
        if words[0] == "doctor":  # about the store that the dashboard would use
            words[1:1] = ["--store", str(default_store())]
        return cli.main(words)
    return serve(parse(words[1:] if words[:1] == ["serve"] else words))


def serve(options: ServeOptions, engine: Sequence[str] = ("-m", "engine")) -> int:
    """The dashboard, until Ctrl-C.

    Args:
        options: from the command line.
        engine: what Python runs as the engine.

    Returns:
        0 when it was ended, 1 when it could not begin.
    """
    logging.basicConfig(level=logging.WARNING, format="%(message)s")
    if not options.share and not listen.is_loopback(options.host):
        return _refuse(
            f"Others could steer at {options.host}: add --share to allow them to look.", 2
        )
    try:
        listener = listen.bind(options.host, options.port, PORT)
    except listen.ListenError as error:
        return _refuse(str(error))
    with listener:
        try:
            with claim(options.store):
                store = Store(options.store)
                store.begin(options.control)
                return _serve(options, listener, store, engine)
        except (ClaimError, StoreError) as error:
            return _refuse(str(error))


def _serve(
    options: ServeOptions, listener: socket.socket, store: Store, engine: Sequence[str]
) -> int:
    wanted = ["--store", str(options.store), "--mobility", options.mobility]
    for name, path in options.policies.items():
        wanted += ["--policy", f"{name}={path}"]
    process = EngineProcess(
        [sys.executable, *engine, *wanted],
        options.store / "engine.log",
        lambda: store.status().get("heartbeat"),
    )
    process.start()
    contests = Contests(options.store, options.mobility, options.policies)
    children = (process, contests)
    try:
        with asyncio.Runner(loop_factory=_loop_factory()) as runner:
            return 0 if runner.run(_run(options, listener, store, children)) else 1
    except KeyboardInterrupt:
        return 0
    finally:
        for child in children:
            child.stop(_CHILD_END_S)


def _leave(children: Children) -> None:
    """End at once: the orderly way took too long."""
    for child in children:
        child.stop(0.0)
    os._exit(0)


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    """The faster event loop where there is one."""
    try:
        import uvloop  # noqa: PLC0415  after the engine is on its way
    except ImportError:  # not on Windows
        return None
    return uvloop.new_event_loop


async def _run(
    options: ServeOptions, listener: socket.socket, store: Store, children: Children
) -> bool:
    """Serve until a signal; gives whether it ever began."""
    process = children[0]
    port = listener.getsockname()[1]
    address = listen.address_of(options.host, port)
    links: list[str] = []

    def announce(token: str) -> None:
        links.append(f"{address}?token={token}")
        _say(f"To steer, once: {links[-1]}")

    sharing = Sharing(announce) if options.share else None
    watching = asyncio.create_task(process.watch())
    app = _app(options, port, store, children, sharing)
    server = _server(app)

    def end() -> None:
        server.force_exit = server.should_exit  # the second time, wait for nobody
        server.should_exit = True
        for child in children:
            threading.Thread(target=child.stop, args=(_CHILD_END_S,), daemon=True).start()
        last_resort = threading.Timer(_END_S, _leave, (children,))
        last_resort.daemon = True
        last_resort.start()

    loop = asyncio.get_running_loop()
    for name in ("SIGINT", "SIGTERM", "SIGHUP"):
        if hasattr(signal, name):
            loop.add_signal_handler(getattr(signal, name), end)
    announcing = asyncio.create_task(_announce(server, address, options, port, links))
    telling = asyncio.create_task(_tell(store, process))
    try:
        await server.serve(sockets=[listener])
    finally:
        for task in (watching, announcing, telling):
            task.cancel()
    return server.started


def _app(
    options: ServeOptions, port: int, store: Store, children: Children, sharing: Sharing | None
) -> ASGIApp:
    from app.layout import FURTHER, layout  # noqa: PLC0415  after the engine is on its way
    from app.server import create_app  # noqa: PLC0415

    hosts = listen.names(options.host, port)
    process, contests = children
    return create_app(
        store,
        hosts=hosts,
        layout=layout,
        further=FURTHER,
        overlay=process.overlay,
        sharing=sharing,
        contests=contests,
    )


def _server(app: ASGIApp) -> uvicorn.Server:
    import uvicorn  # noqa: PLC0415  after the engine is on its way

    class Server(uvicorn.Server):
        @contextlib.contextmanager
        def capture_signals(self) -> Iterator[None]:
            """Leave the signals to `_run`, which ends the engine too."""
            yield

    return Server(
        uvicorn.Config(
            app,
            lifespan="on",
            log_config=None,
            log_level="warning",
            access_log=False,
            server_header=False,
            proxy_headers=False,
            ws_per_message_deflate=False,
            ws_max_size=4096,
            ws_ping_interval=10.0,
            ws_ping_timeout=10.0,
            timeout_graceful_shutdown=1,
        )
    )


async def _announce(
    server: uvicorn.Server, address: str, options: ServeOptions, port: int, links: Sequence[str]
) -> None:
    """Say where the page is once it is there, and open it."""
    while not server.started:
        await asyncio.sleep(0.02)
    if options.port is None and port != PORT:
        _say(f"Port {PORT} is taken; using {port}.")
    _say(f"IoV Twin is at {address} (Ctrl-C ends it)")
    if options.browser:
        page = links[-1] if links else address
        threading.Thread(target=webbrowser.open, args=(page,), daemon=True).start()


async def _tell(store: Store, process: EngineProcess) -> None:
    """Repeat in the terminal what failed, and restore the control if the store was deleted."""
    told: set[str] = set()
    while True:
        await asyncio.sleep(0.5)
        status: dict[str, Any] = process.overlay(store.status())
        news = {str(status.get("message", ""))} if status.get("state") == "failed" else set()
        try:
            store.keep_control()
        except StoreError as error:
            news.add(str(error))
        for sentence in news - told:
            logger.error("%s", sentence)
        told = news


def _say(sentence: str) -> None:
    sys.stdout.write(sentence + "\n")
    sys.stdout.flush()


def _refuse(sentence: str, status: int = 1) -> int:
    sys.stderr.write(f"iov-twin: {sentence}\n")
    return status


if __name__ == "__main__":
    sys.exit(main())
