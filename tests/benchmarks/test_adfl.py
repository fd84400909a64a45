"""Local training of many clients as one batch, against a plain loop and against Flower."""

from __future__ import annotations

import statistics
import time

import numpy as np
import pytest
import torch

from engine.learning.federation import aggregate, flatten
from engine.learning.forecast import Forecaster
from engine.learning.memory import TOKEN, WIDTH
from engine.models.transformer import WINDOW
from tests.benchmarks.conftest import Load

pytestmark = [pytest.mark.benchmark, pytest.mark.timeout(900)]
CLIENTS, ROWS, TURNS = 16, 32, 7
RATE = 1e-3
#: Least speed of the batch, in those of the others.
LEAST = {"loop": 1.2, "flower": 1.5}


def samples() -> np.ndarray:
    drawn = np.random.default_rng(0).random((CLIENTS, ROWS, WIDTH), np.float32)
    drawn[..., WINDOW * TOKEN : WINDOW * TOKEN + WINDOW] = 0.0
    drawn[..., -1] = 1.0
    return drawn


def batched(forecaster: Forecaster, start: torch.Tensor, rows: np.ndarray) -> torch.Tensor:
    """All clients at once, and their average."""
    sizes, rng = np.full(CLIENTS, ROWS), np.random.default_rng(0)
    base = start.expand(CLIENTS, -1)
    deltas = forecaster.train(base, rows, sizes, rng, RATE, with_cvae=False).deltas
    return aggregate(start, deltas, np.full(CLIENTS, 1.0 / CLIENTS))


def alone(forecaster: Forecaster, start: torch.Tensor, rows: np.ndarray) -> torch.Tensor:
    """One client as anybody would write it: parameters, an Adam, one pass over its samples."""
    transformer, cvae = forecaster.models(start)
    leaves = {name: value.clone().requires_grad_(True) for name, value in transformer.items()}
    adam = torch.optim.Adam(leaves.values(), lr=RATE, fused=True)
    forecaster.loss(cvae, torch.from_numpy(rows), torch.ones(len(rows)) > 0.0)(leaves).backward()
    adam.step()
    trained = {name: value.detach() for name, value in leaves.items()}
    return torch.cat([flatten(trained), flatten(cvae)])


def loop(forecaster: Forecaster, start: torch.Tensor, rows: np.ndarray) -> torch.Tensor:
    """Client after client, and their average."""
    return torch.stack([alone(forecaster, start, mine) for mine in rows]).mean(dim=0)


@pytest.fixture
def round_of() -> tuple[Forecaster, torch.Tensor, np.ndarray]:
    """What a round starts from; one thread, as in the worker."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    forecaster = Forecaster(0, cvae=True)
    yield forecaster, forecaster.start(), samples()
    torch.set_num_threads(threads)


def test_a_batch_of_clients_beats_a_loop_over_them(round_of, load: Load, say) -> None:
    # An Adam step turns the rounding of gradients near zero into steps of up to its rate.
    assert torch.allclose(batched(*round_of), loop(*round_of), atol=2.0 * RATE)
    spent: dict[str, list[float]] = {"batched": [], "loop": []}
    for _ in range(TURNS):
        for name, train in (("batched", batched), ("loop", loop)):
            begun = time.process_time()
            train(*round_of)
            spent[name].append(time.process_time() - begun)
    pairs = zip(spent["loop"], spent["batched"], strict=True)
    ratio = statistics.median(one / other for one, other in pairs)
    each = ", ".join(f"{name} {1e3 * min(used):.0f} ms" for name, used in spent.items())
    say(
        f"{CLIENTS} clients of {ROWS} samples: CPU {each}, ratio {ratio:.2f} (at least "
        f"{LEAST['loop']:g}); others used {load.foreign:.2f} cores"
    )
    load.judge(loop=ratio >= LEAST["loop"])


@pytest.mark.filterwarnings("ignore")
def test_a_batch_of_clients_beats_flowers_simulation(round_of, load: Load, say) -> None:
    why = "pip install '.[flower]': Flower with its simulation is not installed"
    pytest.importorskip("ray", reason=why)
    flower = pytest.importorskip("tests.benchmarks.flower_rounds", reason=why)
    forecaster, start, rows = round_of
    theirs = flower.seconds(
        lambda model, number: alone(forecaster, model, rows[number]), start, CLIENTS
    )
    ours = []
    for _ in range(TURNS):
        begun = time.perf_counter()
        batched(*round_of)
        ours.append(time.perf_counter() - begun)
    ratio = statistics.median(theirs) / statistics.median(ours)
    say(
        f"{CLIENTS} clients of {ROWS} samples, one core: a round in Flower {flower.VERSION} "
        f"{statistics.median(theirs):.2f} s, batched {statistics.median(ours):.2f} s, ratio "
        f"{ratio:.1f} (at least {LEAST['flower']:g}); others used {load.foreign:.2f} cores"
    )
    load.judge(flower=ratio >= LEAST["flower"])
