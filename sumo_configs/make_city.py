"""Write a city: warped super-blocks of three-lane arterials with a local street between each pair.

README.md has the commands that wrote the packaged nets.
"""

from __future__ import annotations

import argparse
import gzip
import math
import re
import subprocess
import tempfile
from pathlib import Path
from xml.sax.saxutils import quoteattr

import numpy as np
import sumo

#: Kept free around the outermost road so that its lanes lie inside the square.
MARGIN_M = 16.0
WARP = 0.02  # of the side
LOCAL_DROPPED = 0.3
OPTIONS = [
    *("--offset.disable-normalization", "--no-turnarounds.except-deadend", "--geometry.remove"),
    *("--tls.default-type", "static", "--junctions.corner-detail", "3", "--no-warnings"),
]


def lines(rng: np.random.Generator, arterials: int, side: float) -> np.ndarray:
    """Coordinates of arterials (even places) and local streets between them (odd places)."""
    widths = rng.uniform(0.75, 1.25, arterials - 1)
    at = np.concatenate([[0.0], np.cumsum(widths / widths.sum())])
    between = at[:-1] + np.diff(at) * rng.uniform(0.42, 0.58, arterials - 1)
    return MARGIN_M + np.sort(np.concatenate([at, between])) * (side - 2 * MARGIN_M)


def streets(rng: np.random.Generator, n: int) -> set[tuple[tuple[int, int], tuple[int, int]]]:
    """Edges of the lattice as pairs of places: some local ones dropped, dead ends pruned."""
    places = [(i, j) for i in range(n) for j in range(n)]
    pairs = [((i, j), (i + 1, j)) for i, j in places if i + 1 < n]
    pairs += [((i, j), (i, j + 1)) for i, j in places if j + 1 < n]
    kept = {p for p in pairs if arterial(p) or rng.random() >= LOCAL_DROPPED}
    while True:
        degree = {place: sum(place in pair for pair in kept) for place in places}
        dead = {pair for pair in kept if min(degree[pair[0]], degree[pair[1]]) < 2}
        if not dead:
            return kept
        kept -= dead


def arterial(pair: tuple[tuple[int, int], tuple[int, int]]) -> bool:
    """Whether the street runs along an arterial line."""
    (i, j), (k, _) = pair
    return j % 2 == 0 if i != k else i % 2 == 0


def warp(x: float, y: float, side: float, phase: np.ndarray) -> tuple[float, float]:
    """A smooth shift of the plane, zero on the border."""
    u, v = x / side, y / side
    fade = WARP * side * math.sin(math.pi * u) * math.sin(math.pi * v)
    dx = math.sin(2 * math.pi * (1.1 * v + 0.4 * u) + phase[0])
    dy = math.sin(2 * math.pi * (1.1 * u - 0.4 * v) + phase[1])
    return x + fade * dx, y + fade * dy


def write_city(seed: int, arterials: int, side: float, out: Path) -> None:
    """Draw the city, hand it to netconvert, leave the net at `out`."""
    rng = np.random.default_rng(seed)
    xs, ys = lines(rng, arterials, side), lines(rng, arterials, side)
    phase = rng.uniform(0.0, 2 * math.pi, 2)
    n = len(xs)
    kept = sorted(streets(rng, n))
    nodes, edges = [], []
    for i, j in sorted({place for pair in kept for place in pair}):
        x, y = warp(xs[i], ys[j], side, phase)
        legs = sum((i, j) in pair for pair in kept)
        kind = ("traffic_light", "priority_stop", "allway_stop")[i % 2 + j % 2]
        kind = "priority" if legs < 3 else kind
        nodes.append(f'<node id="{i}/{j}" x="{x:.2f}" y="{y:.2f}" type="{kind}"/>')
    for pair in kept:
        (i, j), (k, m) = pair
        lanes, speed, priority = (3, 13.89, 3) if arterial(pair) else (1, 11.11, 1)
        bend = [
            warp(xs[i] + f * (xs[k] - xs[i]), ys[j] + f * (ys[m] - ys[j]), side, phase)
            for f in (0.0, 1 / 3, 2 / 3, 1.0)
        ]
        for a, b, shape in (((i, j), (k, m), bend), ((k, m), (i, j), bend[::-1])):
            name, points = (
                f"{a[0]}/{a[1]}-{b[0]}/{b[1]}",
                " ".join(f"{x:.2f},{y:.2f}" for x, y in shape),
            )
            edges.append(
                f'<edge id="{name}" from="{a[0]}/{a[1]}" to="{b[0]}/{b[1]}" numLanes="{lanes}" '
                f'speed="{speed}" priority="{priority}" shape={quoteattr(points)}/>'
            )
    with tempfile.TemporaryDirectory() as folder:
        node_file, edge_file = Path(folder, "city.nod.xml"), Path(folder, "city.edg.xml")
        node_file.write_text("<nodes>" + "\n".join(nodes) + "</nodes>")
        edge_file.write_text("<edges>" + "\n".join(edges) + "</edges>")
        command = [Path(sumo.SUMO_HOME, "bin", "netconvert"), "-n", node_file, "-e", edge_file]
        subprocess.run([*command, "-o", Path(folder, "city.net.xml"), *OPTIONS], check=True)
        net = Path(folder, "city.net.xml").read_bytes()
    # netconvert heads the net with the date and its own folders; without, same seed, same bytes.
    net = re.sub(rb"<!--.*?-->\s*", b"", net, count=1, flags=re.DOTALL)
    out.write_bytes(gzip.compress(net, mtime=0))


def main() -> None:
    """Read the command line and write the net."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=1, help="seed of the city")
    parser.add_argument("--arterials", type=int, default=9, help="arterial lines each way")
    parser.add_argument("--side", type=float, default=5000.0, help="side of the square in metres")
    parser.add_argument("--out", type=Path, required=True, help="net file, .net.xml.gz")
    options = parser.parse_args()
    write_city(options.seed, options.arterials, options.side, options.out)


if __name__ == "__main__":
    main()
