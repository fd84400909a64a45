"""`python -m engine --store DIR`: the live engine as a process, until told to end."""

from __future__ import annotations

import argparse
import contextlib
import logging
import os
import signal
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NoReturn

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from engine.params import Params
    from engine.publisher import Publisher
    from engine.types import Mobility

logger = logging.getLogger("engine")

#: Seconds between two signs of life.
_BEAT_S: Final = 0.25
#: Seconds that an orderly end may take before the process ends at once: it takes hundredths, many
#: times that where others crowd the machine. Who cannot wait that long kills, as the server does.
_GRACE_S: Final = 10.0


class Ended(BaseException):
    """A signal, or the end of the parent, asks this process to end."""


def main(argv: list[str] | None = None) -> int:
    """Run the engine; returns the exit status: 0 asked to end, 1 failed, 2 bad input."""
    options = _parser().parse_args(argv)
    logging.basicConfig(
        level=logging.INFO, stream=sys.stderr, format="%(asctime)s %(levelname)s %(message)s"
    )
    try:
        _end_with(os.getppid())
        return _work(options)
    except Ended:
        return 0
    finally:
        # Python gives signals back their deadly default before it has quite ended.
        signal.setitimer(signal.ITIMER_REAL, 0.0)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m engine", description=__doc__)
    parser.add_argument("--store", type=Path, required=True, help="folder of the store")
    parser.add_argument(
        "--mobility", default="sumo", help="sumo, synthetic or a trace (.npz); default sumo"
    )
    parser.add_argument(
        "--city", type=Path, help="folder of the city; the packaged one if left out"
    )
    parser.add_argument(
        "--policy",
        action="append",
        default=[],
        help="SCHEME=FILE that a learned scheme starts from",
    )
    return parser


def _work(options: argparse.Namespace) -> int:
    # Signals are handled before imports begin.
    from engine import policy_files  # noqa: PLC0415
    from engine.disk import StoreError  # noqa: PLC0415
    from engine.params import ParameterError  # noqa: PLC0415
    from engine.publisher import Publisher  # noqa: PLC0415

    try:
        policies = policy_files.parse(options.policy)
        policy_files.check(policies)
        publisher = Publisher(options.store)
    except (StoreError, ParameterError) as error:
        logger.error("%s", error)  # noqa: TRY400  a sentence for the user, not a fault of ours
        return 2
    with contextlib.closing(publisher):
        _beat(publisher)
        return _live(publisher, options, policies)


def _live(publisher: Publisher, options: argparse.Namespace, policies: Mapping[str, Path]) -> int:
    from engine.live import Live  # noqa: PLC0415
    from engine.mobility import open_mobility  # noqa: PLC0415
    from engine.mobility.city import static_json  # noqa: PLC0415
    from engine.mobility.recorded import RecordedMobility  # noqa: PLC0415

    loading = threading.Thread(target=_load, args=(publisher.wanted().stage,), daemon=True)

    def source(params: Params) -> Mobility:
        if options.mobility.endswith(".npz"):
            return RecordedMobility(Path(options.mobility), loop=True)
        if loading.ident is None:
            return open_mobility(options.mobility, params, options.city, loading.start)
        loading.join()  # SUMO is started where no thread runs beside
        return open_mobility(options.mobility, params, options.city)

    live = Live(
        publisher,
        source,
        lambda: static_json(options.city),
        policies,
    )
    try:
        live.run()
    except Ended:
        live.stopped("stopped", "The engine was stopped.")
        raise
    except Exception as error:
        logger.exception("the loop failed")
        sentence = f"The engine failed on an internal error ({type(error).__name__}): see its log."
        live.stopped("failed", sentence)
        logger.error("%s", sentence)  # noqa: TRY400
        return 1
    return 0


def _load(stage: Iterable[str]) -> None:
    """Import schemes while SUMO starts; what is wrong with one is said where it is used."""
    from engine import schemes  # noqa: PLC0415

    for name in stage:
        with contextlib.suppress(Exception):
            schemes.load(name)


def _end_with(parent: int) -> None:
    """Raise `Ended` in the main thread on a signal or when the parent is gone."""

    def end(signum: int, frame: object) -> NoReturn:
        del signum, frame
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)
        signal.signal(signal.SIGALRM, lambda *_: os._exit(1))
        signal.setitimer(signal.ITIMER_REAL, _GRACE_S)
        raise Ended

    def look(signum: int, frame: object) -> None:
        if os.getppid() != parent:
            end(signum, frame)

    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, end)
    signal.signal(signal.SIGALRM, look)
    signal.setitimer(signal.ITIMER_REAL, _BEAT_S, _BEAT_S)


def _beat(publisher: Publisher) -> None:
    """Touch the store's sign of life at each look at the parent, also during a long step."""
    look: Any = signal.getsignal(signal.SIGALRM)

    def beat(signum: int, frame: object) -> None:
        publisher.beat()
        look(signum, frame)

    signal.signal(signal.SIGALRM, beat)


if __name__ == "__main__":
    status = main()
    # All is closed and written; what Python would do yet is take torch apart, for half a second.
    logging.shutdown()
    sys.stderr.flush()
    os._exit(status)
