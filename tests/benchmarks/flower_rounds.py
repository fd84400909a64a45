"""The same round in Flower's simulation; needs `pip install '.[flower]'`."""

from __future__ import annotations

import itertools
import logging
import time
from collections.abc import Callable

import flwr
import torch
from flwr.client import ClientApp, NumPyClient
from flwr.common import ndarrays_to_parameters
from flwr.server import ServerApp, ServerAppComponents, ServerConfig
from flwr.server.strategy import FedAvg
from flwr.simulation import run_simulation

VERSION = flwr.__version__
ROUNDS = 4


def seconds(
    train: Callable[[torch.Tensor, int], torch.Tensor], start: torch.Tensor, clients: int
) -> list[float]:
    """Of each round but the first, which starts Flower's actors; one core, one client at a time.

    Args:
        train: gives a client's model, (P,), from the common one and the client's number.
        start: the common one.
        clients: how many.
    """
    ended: list[float] = []

    class Client(NumPyClient):
        def __init__(self, number: int) -> None:
            torch.set_num_threads(1)
            self._number = number

        def fit(self, parameters, config):
            return [train(torch.from_numpy(parameters[0]), self._number).numpy()], 1, {}

    class Timed(FedAvg):
        def aggregate_fit(self, *args):
            found = super().aggregate_fit(*args)
            ended.append(time.perf_counter())
            return found

    strategy = Timed(
        fraction_evaluate=0.0,
        min_fit_clients=clients,
        min_available_clients=clients,
        initial_parameters=ndarrays_to_parameters([start.numpy()]),
    )
    served = ServerAppComponents(strategy=strategy, config=ServerConfig(num_rounds=ROUNDS))
    logging.getLogger("flwr").setLevel(logging.ERROR)
    run_simulation(
        server_app=ServerApp(server_fn=lambda _: served),
        client_app=ClientApp(
            client_fn=lambda context: Client(int(context.node_config["partition-id"])).to_client()
        ),
        num_supernodes=clients,
        backend_config={
            "client_resources": {"num_cpus": 1, "num_gpus": 0.0},
            "init_args": {"num_cpus": 1, "include_dashboard": False},
        },
    )
    if len(ended) != ROUNDS:
        raise RuntimeError(f"Flower ended {len(ended)} of {ROUNDS} rounds.")
    return [after - before for before, after in itertools.pairwise(ended)]
