"""Why this decision: what the inspector shows of a vehicle or an RSU, as JSON-ready values.

For every arm: the cost curves that its twins let it expect, the choice with all its parts, and what
would have been best had everyone else done the same. Numbers are finite or None.
"""

from __future__ import annotations

import dataclasses
import math
from typing import Any, Final

import numpy as np

from engine.comparison import BOUND, Comparison
from engine.environment import ArmStep
from engine.physics.offloading import ENERGY_SCALE_J, PRICE_SCALE
from engine.situation import Option, Situation
from engine.twins import HISTORY_COLUMNS
from engine.types import Outcome, RsuTwins, Scene
from engine.units import BITS_PER_MB, BPS_PER_MBPS, GIGA, J_PER_WH

KINDS: Final = ("car", "bus", "truck")
#: Parts of an outcome that are told under their own names.
_PARTS: Final = (
    "delay_s", "energy_j", "price", "cost", "toll", "t_local_s", "t_up_s", "t_hop_s", "wait_s",
    "t_comp_s", "t_down_s", "t_twin_s", "e_local_j", "e_radio_j", "e_comp_j", "e_twin_j",
)  # fmt: skip
_FLAGS: Final = ("success", "mandated", "forwarded", "rejected")
_HISTORY: Final = {
    name: HISTORY_COLUMNS.index(column)
    for name, column in {
        "t_over_t": "delay_share", "energy": "energy_share", "success": "success", "rho": "rho",
        "task": "has_task",
    }.items()
}  # fmt: skip


def vehicle(comparison: Comparison, scene: Scene, vehicle_id: int) -> dict[str, Any]:
    """Everything about a vehicle: where it is, what its twin says, and why each arm chose so.

    Args:
        comparison: after its step on `scene`.
        scene: that step's scene.
        vehicle_id: as in `Scene.vehicle`.

    Returns:
        `present` is False, and all else missing, for a vehicle that is not in the city. Headings
        are compass degrees. Twin and history at the top are those of the first arm on stage; each
        arm has its own under its name. Schemes that act by a belief tell it there, None without a
        task.
    """
    told: dict[str, Any] = {"kind": "vehicle", "vehicle": vehicle_id, "step": scene.step}
    row = int(np.searchsorted(scene.vehicle, vehicle_id))
    if row == len(scene.vehicle) or scene.vehicle[row] != vehicle_id:
        return told | {"present": False}
    told |= {
        "present": True,
        "slot": int(scene.slot[row]),
        "row": row,
        "type": KINDS[int(scene.kind[row])],
        "actual": _actual(scene, row),
        "task": _task(scene, row),
        "twin": None,
        "history": [],
        "arms": {},
    }
    for name, step in comparison.latest.items():
        if name != BOUND and told["twin"] is None:
            told["twin"], told["history"] = _vehicle_twin(step, row), _history(step, row)
        told["arms"][name] = _vehicle_arm(name, scene, step, row)
        believe = getattr(comparison.arms[name].scheme, "belief", None)
        if believe is not None:
            told["arms"][name]["belief"] = believe(vehicle_id)
    return {key: _finite(value) for key, value in told.items()}


def rsu(comparison: Comparison, scene: Scene, index: int) -> dict[str, Any]:
    """Everything about an RSU: what it is made of, its twin, and its load in every arm.

    Args:
        comparison: after its step on `scene`.
        scene: that step's scene.
        index: of the RSU.

    Returns:
        `present` is False, and all else missing, for an RSU that does not exist.
    """
    told: dict[str, Any] = {"kind": "rsu", "rsu": index, "step": scene.step}
    rsus = scene.rsus
    if not 0 <= index < len(rsus.up):
        return told | {"present": False}
    arms = {
        name: _rsu_arm(scene, step, index)
        for name, step in comparison.latest.items()
        if name != BOUND
    }
    first = next(iter(arms.values()), {})
    told |= {
        "present": True,
        "x": float(rsus.position_m[index, 0]),
        "y": float(rsus.position_m[index, 1]),
        "up": bool(rsus.up[index]),
        "cpu_ghz": float(rsus.cpu_hz[index]) / GIGA,
        "cores": rsus.cores,
        "unit_price": float(rsus.unit_price[index]),
        "battery_wh": first.get("battery_wh"),
        "battery_capacity_wh": float(rsus.battery_j[index]) / J_PER_WH,
        "neighbours": [int(k) for k in rsus.neighbours[index] if k >= 0],
        "attached": int(np.count_nonzero(scene.serving == index)),
        "twin": first.get("twin"),
        "arms": arms,
    }
    return {key: _finite(value) for key, value in told.items()}


def _actual(scene: Scene, row: int) -> dict[str, float]:
    east, north = scene.velocity_mps[row].tolist()
    return {
        "x": float(scene.position_m[row, 0]),
        "y": float(scene.position_m[row, 1]),
        "speed_mps": math.hypot(east, north),
        "heading_deg": math.degrees(math.atan2(east, north)) % 360.0,
    }


def _task(scene: Scene, row: int) -> dict[str, float] | None:
    if not scene.has_task[row]:
        return None
    return {
        "data_mb": float(scene.data_bits[row]) / BITS_PER_MB,
        "gcycles": float(scene.cycles[row]) / GIGA,
        "deadline_s": float(scene.deadline_s[row]),
        "phase_s": float(scene.phase_s[row]),
    }


def _vehicle_twin(step: ArmStep, row: int) -> dict[str, Any]:
    seen = step.observation
    serving = int(seen.serving[row])
    return {
        "x": float(seen.position_m[row, 0]),
        "y": float(seen.position_m[row, 1]),
        "age_s": float(seen.age_s[row]),
        "cpu_ghz": float(seen.cpu_hz[row]) / GIGA,
        "rate_mbps": float(seen.rate_bps[row, serving]) / BPS_PER_MBPS if serving >= 0 else 0.0,
        "battery_wh": float(seen.battery_j[row]) / J_PER_WH,
        "battery_capacity_wh": float(seen.battery_capacity_j[row]) / J_PER_WH,
        "vx": float(seen.velocity_mps[row, 0]),
        "vy": float(seen.velocity_mps[row, 1]),
        "serving": serving,
    }


def _history(step: ArmStep, row: int) -> list[dict[str, Any]]:
    """The ten rows of the window of eq. (37), newest first, nulls where there was no task."""
    told: list[dict[str, Any]] = []
    for ago, entry in enumerate(step.observation.history[row][::-1].tolist(), start=1):
        task = bool(entry[_HISTORY["task"]])
        values: dict[str, Any] = {
            name: entry[column] if task else None for name, column in _HISTORY.items()
        }
        values["success"] = bool(values["success"]) if task else None
        told.append(values | {"task": task, "step_ago": ago})
    return told


def _vehicle_arm(name: str, scene: Scene, step: ArmStep, row: int) -> dict[str, Any]:
    """Curves, choice, hindsight and regret of one arm."""
    told: dict[str, Any] = {"options": [], "choice": None, "hindsight": None, "regret": None}
    if name != BOUND:
        told |= {"twin": _vehicle_twin(step, row), "history": _history(step, row)}
    if not scene.has_task[row]:
        return told | {"equation": None}
    outcome = step.outcome
    told["equation"] = _equation(outcome, float(scene.deadline_s[row]), row)
    told["choice"] = choice = _choice(outcome, row)
    if name == BOUND:
        choice["option"] = _where(scene, outcome, row)
        return told
    situation = Situation(scene, step, row)
    choice["option"] = situation.chosen.name
    choice["expected_cost"] = situation.expected_choice()
    told["options"] = [_curve(option) for option in situation.options]
    best = situation.hindsight()
    told["hindsight"] = {"option": best.option, "rho": best.rho, "cost": best.cost}
    told["regret"] = max(0.0, choice["cost"] - best.cost)
    return told


def _curve(option: Option) -> dict[str, Any]:
    return {
        "name": option.name,
        "target": option.target,
        "rho": option.rho.tolist(),
        "cost": option.cost.tolist(),
        "wait_s": option.wait_s,
    }


def _choice(outcome: Outcome, row: int) -> dict[str, Any]:
    told: dict[str, Any] = {
        "rho": float(outcome.rho[row]),
        "target": int(outcome.target[row]),
        "helper": int(outcome.helper[row]),
    }
    told |= {name: bool(getattr(outcome, name)[row]) for name in _FLAGS}
    return told | {name: float(getattr(outcome, name)[row]) for name in _PARTS}


def _where(scene: Scene, outcome: Outcome, row: int) -> str:
    if outcome.helper[row] >= 0:
        return f"vehicle {int(scene.vehicle[outcome.helper[row]])}"
    return f"RSU {int(outcome.target[row])}" if outcome.target[row] >= 0 else "local"


def _equation(outcome: Outcome, deadline_s: float, row: int) -> str:
    """Eq. (22) with the numbers put in."""
    return (
        "Ω = t/T + E/E_max + price/P_max = "
        f"{outcome.delay_s[row]:.2f}/{deadline_s:.2f} + "
        f"{outcome.energy_j[row]:.0f}/{ENERGY_SCALE_J:.0f} + "
        f"{outcome.price[row]:.2f}/{PRICE_SCALE:.0f} = {outcome.cost[row]:.2f}"
    )


def _rsu_arm(scene: Scene, step: ArmStep, index: int) -> dict[str, Any]:
    rsus, served = scene.rsus, step.outcome.target == index
    return {
        "up": bool(step.up[index]),
        "backlog_s": float(step.backlog_s[index]),
        "requests": float(step.requests[index]),
        "mean_wait_s": float(step.wait_s[index]),
        "served": [int(v) for v in scene.vehicle[served]],
        "utilisation": float(step.served_cycles[index] / (rsus.cores * rsus.cpu_hz[index])),
        "battery_wh": float(step.rsu_battery_j[index]) / J_PER_WH,
        "twin": _rsu_twin(step.observation.rsus, index),
    }


def _rsu_twin(twins: RsuTwins, index: int) -> dict[str, Any]:
    """All fields of DT_m, under their own names."""
    told: dict[str, Any] = {"age_s": float(twins.age_s)}
    for field in dataclasses.fields(RsuTwins):
        if field.name != "age_s":
            told[field.name] = getattr(twins, field.name)[index].item()
    return told


def _finite(value: Any) -> Any:
    """The same with None in place of every number that is not finite."""
    if isinstance(value, dict):
        return {key: _finite(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_finite(inner) for inner in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
