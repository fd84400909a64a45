"""Tabs without a browser: each takes every frame, acknowledges it, and counts.

python tests/benchmarks/viewers.py ws://127.0.0.1:8050/live/ws COUNT SECONDS

Prints, as JSON, frames a second of the slowest and the middle tab, the size of a frame and how old
it was when it came (p95, ms).
"""

from __future__ import annotations

import asyncio
import json
import statistics
import struct
import sys
import time
from pathlib import Path

import websockets

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from engine import wire


async def tab(url: str, seconds: float, ages_ms: list[float], sizes: list[int]) -> float:
    """Frames a second that one tab got."""
    origin = url.replace("ws:", "http:").partition("/live")[0]
    async with websockets.connect(url, origin=origin, compression=None) as socket:
        count, begun = 0, None
        while begun is None or time.monotonic() < begun + seconds:
            message = await socket.recv()
            if not isinstance(message, bytes) or message[:4] != b"IOVF":
                continue
            await socket.send(json.dumps({"ack": struct.unpack_from("<I", message, 8)[0]}))
            if begun is None:
                begun = time.monotonic()
                continue
            count += 1
            ages_ms.append(1e3 * (time.time() - wire.header(message).written))
            sizes.append(len(message))
        return count / (time.monotonic() - begun)


async def main(url: str, tabs: int, seconds: float) -> None:
    ages_ms: list[float] = []
    sizes: list[int] = []
    rates = await asyncio.gather(*(tab(url, seconds, ages_ms, sizes) for _ in range(tabs)))
    told = {
        "slowest": min(rates),
        "middle": statistics.median(rates),
        "bytes": max(sizes),
        "age_p95_ms": statistics.quantiles(ages_ms, n=20)[-1],
    }
    print(json.dumps(told))


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], int(sys.argv[2]), float(sys.argv[3])))
