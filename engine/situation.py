"""The options one vehicle had at one step: what its twin let it expect, and hindsight."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Final

import numpy as np

from engine.environment import ArmStep
from engine.physics import literal, neighbours, offloading
from engine.physics.candidates import Stage, work_of
from engine.physics.hindsight import Trials, replayed, replayed_as_printed, rows_of
from engine.physics.offers import Offer, offer
from engine.physics.offloading import Overhead
from engine.planning import plan
from engine.twins import Sight
from engine.types import Bools, Floats, Scene

#: Points of a curve over rho in [0, 1].
POINTS: Final = 41
LOCAL: Final = "local"


@dataclass(frozen=True)
class Option:
    """A server and the cost expected there.

    Attributes:
        name: for the reader. target: RSU index, -1 for none. guest: it is the helper vehicle.
        rho, cost: the curve, (41,); flat for staying local, where nothing is offloaded.
        wait_s: expected in the queue.
    """

    name: str
    target: int
    guest: bool
    rho: Floats
    cost: Floats
    wait_s: float


@dataclass(frozen=True)
class Hindsight:
    """The least cost the task could have had, all others the same."""

    option: str
    rho: float
    cost: float


class Situation:
    """One task under one scheme, as the twins had it and as it was.

    Args:
        scene: the step's scene. step: what the arm made of it. row: of the vehicle in the scene.
    """

    def __init__(self, scene: Scene, step: ArmStep, row: int) -> None:
        seen = step.observation
        self._scene, self._step, self._row, self._params = scene, step, row, seen.params
        rsus = dataclasses.replace(scene.rsus, up=step.up)
        scene = dataclasses.replace(scene, rsus=rsus)
        self._work = work_of(scene, seen.battery_j)
        self.task = int(np.searchsorted(self._work.row, row))
        self._helpers = neighbours.helpers(
            scene.position_m, scene.has_task, scene.fading_v2v, v2v=self._params.v2v
        )
        sight = Sight(
            position_m=seen.position_m,
            velocity_mps=seen.velocity_mps,
            age_s=seen.age_s,
            serving=seen.serving,
            distance_m=seen.distance_m,
            rate_bps=seen.rate_bps,
        )
        self.plan = plan(
            scene, self._params, self._work, step.decision, seen.rsus, sight, self._helpers,
            seen.battery_j,
        ).plan  # fmt: skip
        host = self._helpers.row[self._work.row]
        self.stage = Stage(
            work=self._work,
            rsus=rsus,
            free_s=step.free_s,
            overhead=Overhead.of(self._params),
            live_mesh=self._params.mesh == "live",
            admission=self._params.admission,
            host_bps=self._helpers.rate_bps[self._work.row],
            host_hz=scene.cpu_hz[host],
        )
        self._literal = self._params.equations == "paper-literal"
        #: What is open is the row `task` of `plan` on `stage`.
        #: Local first, then RSUs by index, then the helper.
        self.options = self._options()

    @property
    def chosen(self) -> Option:
        """The option that was taken: where the share was sent, or local."""
        rho, target = self.plan.rho[self.task], int(self.plan.target[self.task])
        if rho <= 0.0:
            return self.options[0]
        if self.plan.guest[self.task]:
            return self.options[-1]
        return next(option for option in self.options if option.target == target)

    def expected_choice(self) -> float:
        """What the twin's curve says at the share that was taken."""
        rho = self.plan.rho[[self.task]]
        return float(self._expected(self.chosen.target, self.chosen.guest, rho)[0][0])

    def hindsight(self) -> Hindsight:
        """The best of all options and shares, and of what was done, others unchanged."""
        grid = np.linspace(0.0, 1.0, POINTS)
        linked = self._work.serving[self.task] >= 0
        away = [
            option for option in self.options if option.guest or (option.name != LOCAL and linked)
        ]
        names = [LOCAL, *(o.name for o in away for _ in grid[1:]), self.chosen.name]
        done = self.plan.rho[self.task]
        trials = Trials(
            rho=np.concatenate([[0.0], np.tile(grid[1:], len(away)), [done]]),
            target=np.array([-1, *(o.target for o in away for _ in grid[1:]), self.chosen.target]),
            guest=np.array([False, *(o.guest for o in away for _ in grid[1:]), self.chosen.guest]),
        )
        replay = replayed_as_printed if self._literal else replayed
        cost = np.where(
            self._allowed(trials), replay(self.stage, self.plan, self.task, trials), np.inf
        )
        best = int(np.argmin(cost))
        return Hindsight(names[best], float(trials.rho[best]), float(cost[best]))

    def _allowed(self, trials: Trials) -> Bools:
        """What the mandates leave open; what was done is."""
        mine = rows_of(self._work, np.array([self.task]))
        floor = offloading.mandated_share(mine, np.zeros(1), force=self._params.mandate)
        allowed = (trials.rho >= floor) | (mine.serving < 0)
        allowed[-1] = True
        return allowed

    def _options(self) -> list[Option]:
        seen, row = self._step.observation, self._row
        grid = np.linspace(0.0, 1.0, POINTS)
        base = self._expected(-1, False, np.zeros(1))[0][0]
        options = [Option(LOCAL, -1, False, grid, np.full(POINTS, base), 0.0)]
        serving = int(seen.serving[row])
        rsus = {int(self.plan.target[self.task]), int(self._work.serving[self.task]), serving}
        if serving >= 0:
            rsus |= {int(k) for k in seen.neighbours[serving] if k >= 0 and seen.rsus.up[k]}
        for index in sorted(rsus - {-1}):
            cost, wait_s = self._expected(index, False, grid)
            options.append(Option(f"RSU {index}", index, False, grid, cost, wait_s))
        host = int(self._helpers.row[row])
        if host >= 0 and not self._literal:
            cost, _ = self._expected(-1, True, grid)
            name = f"vehicle {int(self._scene.vehicle[host])}"
            options.append(Option(name, -1, True, grid, cost, 0.0))
        return options

    def _expected(self, target: int, guest: bool, rho: Floats) -> tuple[Floats, float]:
        """Omega at `rho` by the twins' rates, clocks, prices and mean waits, and that wait.

        Not a number where the twin knows of no link to any RSU.
        """
        seen, twins = self._step.observation, self._step.observation.rsus
        serving = int(seen.serving[self._row])
        rate_bps = float(seen.rate_bps[self._row, serving]) if serving >= 0 else 0.0
        if self._literal:
            return self._as_printed(target, rate_bps, rho), 0.0
        if guest:
            deal = self._deal(
                float(self._helpers.expected_bps[self._row]),
                float(self._scene.cpu_hz[self._helpers.row[self._row]]),
                offloading.V2V_PRICE,
                j_per_cycle=offloading.VEHICLE_J_PER_CYCLE,
            )
            return deal.cost(rho), 0.0
        if target < 0:
            return self._deal(1.0, 1.0, 0.0).cost(np.zeros_like(rho)), 0.0
        if rate_bps <= 0.0:
            return np.full(rho.shape, np.nan), 0.0
        deal = self._deal(
            rate_bps,
            float(twins.cpu_hz[target]),
            float(twins.unit_price[target]),
            mesh_bps=float(twins.mesh_rate_bps[serving]) if target != serving else None,
        )
        wait_s = float(twins.mean_wait_s[target])
        return deal.cost(rho, wait_s), wait_s

    def _deal(
        self,
        rate_bps: float,
        core_hz: float,
        unit_price: float,
        *,
        mesh_bps: float | None = None,
        j_per_cycle: float = offloading.RSU_J_PER_CYCLE,
    ) -> Offer:
        """The offer of a server, over the mesh if its rate is given."""
        seen, row = self._step.observation, self._row
        return offer(
            seen.data_bits[[row]],
            seen.cycles[[row]],
            seen.deadline_s[[row]],
            seen.cpu_hz[[row]],
            np.array([rate_bps]),
            np.array([core_hz]),
            unit_price,
            self.stage.overhead,
            hops=0.0 if mesh_bps is None else 1.0,
            mesh_s_per_bit=0.0 if mesh_bps is None else 1.0 / mesh_bps,
            j_per_cycle=j_per_cycle,
        )

    def _as_printed(self, target: int, rate_bps: float, rho: Floats) -> Floats:
        twins = self._step.observation.rsus
        mine = rows_of(self._work, np.array([self.task]))
        mine = dataclasses.replace(mine, rate_bps=np.array([max(rate_bps, 1.0)]))
        sent = rho if target >= 0 else np.zeros_like(rho)
        core_hz, price = twins.cpu_hz[[target]], twins.unit_price[[target]]
        return literal.outcomes(mine, sent, core_hz, price, self.stage.overhead).cost
