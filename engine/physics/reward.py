"""What a decision earns, eq. (53), and the toll it owes to those queued behind it, MODEL A3.9."""

from __future__ import annotations

from typing import Final

import numpy as np

from engine.types import Bools, Floats, Ints

#: Shorter waits are rounding, not a queue.
_NO_WAIT_S: Final = 1e-12


def inverse_cost(cost: Floats) -> Floats:
    """R1, eq. (53) as printed: 1 / Omega."""
    return np.asarray(1.0 / cost)


def negative_cost(cost: Floats) -> Floats:
    """R2: -Omega, which does not flatten the failing tasks."""
    return np.asarray(-cost)


def inverse_social_cost(cost: Floats, toll: Floats) -> Floats:
    """R3, the default: 1 / (Omega + X)."""
    return np.asarray(1.0 / (cost + toll))


def negative_social_cost(cost: Floats, toll: Floats) -> Floats:
    """R3n: -(Omega + X)."""
    return np.asarray(-(cost + toll))


def toll(
    server: Ints,
    arrival_s: Floats,
    wait_s: Floats,
    service_s: Floats,
    deadline_s: Floats,
    edge_binds: Bools,
    cores: int,
) -> Floats:
    """X of every accepted sub-task, MODEL A3.9: the marginal cost of the delay it causes to others.

    X_n = rho C / (K f_m) times the sum of 1[t_edge > t_local] / T over those served after n in the
    same busy period: consecutive sub-tasks at its RSU that had to wait.

    Args:
        server: RSU that served it, (k,).
        arrival_s: there, from the start of the step, (k,).
        wait_s: in its queue, (k,).
        service_s: rho C / f_m, (k,).
        deadline_s: T, (k,).
        edge_binds: t_edge > t_local, the derivative of the maximum in A3.4, (k,).
        cores: K.

    Returns:
        (k,), at least 0.
    """
    if not len(server):
        return np.zeros(0)
    order = np.lexsort((arrival_s, server))
    at = server[order]
    opens = np.ones(len(at), bool)
    opens[1:] = (at[1:] != at[:-1]) | (wait_s[order][1:] <= _NO_WAIT_S)
    harm = np.cumsum(np.where(edge_binds, 1.0 / deadline_s, 0.0)[order])
    last = np.append(np.flatnonzero(opens)[1:], len(at)) - 1  # of each busy period
    behind = harm[last][np.cumsum(opens) - 1] - harm
    owed = np.empty(len(at))
    owed[order] = np.maximum(behind, 0.0)
    return service_s / cores * owed
