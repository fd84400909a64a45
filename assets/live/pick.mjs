// What lies under a point of the map.
import { Vehicles } from "./vehicles.mjs";
import { rsuRow, vehicleRow } from "./wire.mjs";

const NEAR_PX = 12; // a vehicle this near to the point counts as hit

/** The RSU or the vehicle at a point in device pixels, with what the last frame says about it; null for none. */
export function targetAt({ camera, city, frame, motion, serving, towers, vehicles }, x, y) {
  const reach = towers.radius(camera) + 3 * camera.dpr;
  for (let index = 0; index < city.rsus.length; index += 1) {
    if (Math.hypot(towers.screen[2 * index] - x, towers.screen[2 * index + 1] - y) > reach) continue;
    return { kind: "rsu", index, ...(frame && index < frame.m ? rsuRow(frame, index) : {}) };
  }
  if (!frame) return null;
  const near = Math.max(NEAR_PX * camera.dpr, 0.5 * Vehicles.size(0, camera).length);
  const row = vehicles.nearest(frame.n, x, y, near);
  if (row < 0) return null;
  const told = vehicleRow(frame, row);
  return { ...told, kind: "vehicle", type: told.kind, serving: serving[row], speed: motion.speed[told.slot] };
}
