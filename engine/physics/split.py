"""How a lone task is best split between the vehicle and a server: closed forms of the 1-D problem.

With a = C / f_n the local time of the whole task, b the time the server path needs per unit of rho
and c what it needs whatever rho, the delay is max((1 - rho) a, rho b + c): MODEL A3.2, A3.4, A3.7.
"""

from __future__ import annotations

import numpy as np

from engine.types import Floats


def balanced_share(a: Floats, b: Floats, c: Floats) -> Floats:
    """The rho at which both branches end together, (a - c) / (a + b), clipped to [0, 1]."""
    return np.clip((a - c) / (a + b), 0.0, 1.0)


def shortest_delay(a: Floats, b: Floats, c: Floats) -> Floats:
    """The least delay of any split, a (b + c) / (a + b), never above a (all local), MODEL A3.2."""
    return np.minimum(a, a * (b + c) / (a + b))


def cheapest_share(
    a: Floats, b: Floats, c: Floats, deadline_s: Floats, slope: Floats, fixed: Floats | float = 0.0
) -> tuple[Floats, Floats]:
    """The rho of least expected cost, exactly.

    The cost relative to keeping everything local is max((1 - rho) a, rho b + c) / T - a / T
    + slope rho + fixed [rho > 0]: convex and piecewise linear on (0, 1] with its one kink where the
    branches balance, so the least of rho = 0, the kink and rho = 1 is the minimum.

    Args:
        a: as in the module's text, s.
        b: as there, s.
        c: as there, s.
        deadline_s: T.
        slope: what a unit of rho adds to the cost besides time (energy, price, toll).
        fixed: what any rho > 0 adds (radio energy of the result).

    Returns:
        rho, and its cost relative to rho = 0 (at most 0), both of the broadcast shape.
    """
    kink = balanced_share(a, b, c)
    at_kink = (np.maximum((1.0 - kink) * a, kink * b + c) - a) / deadline_s + slope * kink + fixed
    at_one = (b + c - a) / deadline_s + slope + fixed
    rho = np.where(at_one < at_kink, 1.0, kink)
    gain = np.minimum(at_one, at_kink)
    worth = (gain < 0.0) & (rho > 0.0)
    return np.where(worth, rho, 0.0), np.where(worth, gain, 0.0)
