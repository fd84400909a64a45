// Decodes what the stream sends: frames (engine/wire.py says how they are laid out) and batches of metrics.
// Both decoders return views into the received buffer; nothing is copied.

const FRAME_MAGIC = 0x46564f49; // "IOVF"
const METRICS_MAGIC = 0x4d564f49; // "IOVM"
const VERSION = 1;
const FRAME_HEADER = 64;
const METRICS_HEADER = 20;
const STORED = 0xffff;
const SEVERAL = 0xfffe;

export const CITY_SIDE_M = 5000;
export const METRES_PER_UNIT = CITY_SIDE_M / 65535;
export const RADIANS_PER_UNIT = (2 * Math.PI) / 256;
export const TARGET_VEHICLE = 254;
export const TARGET_NONE = 255;

export const KIND = 3; // info: 0 car, 1 bus, 2 truck
export const FRESH = 4; // info
export const OUTSIDE = 8; // info: outside coverage
export const HAS_TASK = 1; // state
export const SUCCESS = 2; // state
export const FORWARDED = 4; // state
export const REJECTED = 8; // state
export const UP = 1; // rsuFlags
export const RADIO_UP = 2; // rsuFlags

const padded = (bytes) => (bytes + 3) & ~3;

function magicOf(buffer) {
  return buffer.byteLength >= 4 ? new DataView(buffer).getUint32(0, true) : 0;
}

/** True when the buffer starts like a frame, false when it starts like a batch of metrics. */
export function isFrame(buffer) {
  return magicOf(buffer) === FRAME_MAGIC;
}

export function isMetrics(buffer) {
  return magicOf(buffer) === METRICS_MAGIC;
}

function checked(view, magic, header, what) {
  const size = view.byteLength;
  if (size < header) throw new RangeError(`a ${what} has at least ${header} bytes, got ${size}`);
  if (view.getUint32(0, true) !== magic) throw new RangeError(`these bytes are no ${what}`);
  const version = view.getUint16(4, true);
  if (version !== VERSION) throw new RangeError(`expected ${what} version ${VERSION}, got ${version}`);
}

/**
 * Decode a sent frame of one arm.
 *
 * Per vehicle (length n): slot, x, y, heading, info, rho, target, cost, state. Per RSU (length m): backlogMs,
 * requests, rsuFlags. `pairs` holds guest row and helper row in turn. `tS` is simulated seconds, `written`
 * Unix seconds, `twinAgeS` seconds.
 */
export function decodeFrame(buffer) {
  const view = checkedFrame(buffer);
  const arm = view.getUint16(46, true);
  if (arm >= SEVERAL) throw new RangeError("this is no frame of one arm");
  const scene = sceneOf(buffer, view);
  const { block, end } = armAt(buffer, view, scene, FRAME_HEADER + padded(8 * scene.n));
  checkEnd(buffer, end, scene.n);
  return { ...scene, arm, ...block };
}

/**
 * Decode a sent frame of one arm or of several: {seq, written, run, tS, frames}, a frame an arm as `decodeFrame` gives
 * it. All share their scene's arrays.
 */
export function decodeFrames(buffer) {
  const view = checkedFrame(buffer);
  const told = ({ seq, written, run, tS }) => ({ seq, written, run, tS });
  if (view.getUint16(46, true) !== SEVERAL) {
    const frame = decodeFrame(buffer);
    return { ...told(frame), frames: [frame] };
  }
  const scene = sceneOf(buffer, view);
  const arms = armsOf(buffer);
  let at = FRAME_HEADER + padded(8 * scene.n) + padded(2 + 2 * arms.length);
  const frames = arms.map((arm) => {
    const { block, end } = armAt(buffer, view, scene, at);
    at = end;
    return { ...scene, arm, ...block };
  });
  checkEnd(buffer, at, scene.n);
  return { ...told(scene), frames };
}

/** Which arms a sent frame holds, as places among those on stage. */
export function armsOf(buffer) {
  const view = checkedFrame(buffer);
  const arm = view.getUint16(46, true);
  if (arm !== SEVERAL) return [arm];
  const at = FRAME_HEADER + padded(8 * view.getUint16(40, true));
  return Array.from({ length: view.getUint16(at, true) }, (_, i) => view.getUint16(at + 2 + 2 * i, true));
}

function checkedFrame(buffer) {
  const view = new DataView(buffer);
  checked(view, FRAME_MAGIC, FRAME_HEADER, "frame");
  if (view.getUint16(46, true) === STORED) throw new RangeError("this is a stored frame; a browser reads sent ones");
  return view;
}

function sceneOf(buffer, view) {
  const n = view.getUint16(40, true);
  if (buffer.byteLength < FRAME_HEADER + padded(8 * n)) throw new RangeError(`a frame of ${n} vehicles is longer than ${buffer.byteLength} bytes`);
  const flags = view.getUint16(6, true);
  return {
    flags,
    bestCutShort: (flags & 1) === 1,
    seq: view.getUint32(8, true),
    step: view.getUint32(12, true),
    tS: view.getFloat64(16, true),
    written: view.getFloat64(24, true),
    appliedVersion: view.getUint32(32, true),
    run: view.getUint32(36, true),
    n,
    m: view.getUint16(42, true),
    arms: view.getUint16(44, true),
    twinAgeS: view.getUint16(48, true) / 10,
    slot: new Uint16Array(buffer, 64, n),
    x: new Uint16Array(buffer, 64 + 2 * n, n),
    y: new Uint16Array(buffer, 64 + 4 * n, n),
    heading: new Uint8Array(buffer, 64 + 6 * n, n),
    info: new Uint8Array(buffer, 64 + 7 * n, n),
  };
}

/** The block of an arm that begins at `at`, and where it ends. */
function armAt(buffer, view, { n, m }, at) {
  const rsusAt = at + 4 * n;
  const pairsAt = rsusAt + 4 * m;
  const pairs = buffer.byteLength >= pairsAt + 4 ? view.getUint16(pairsAt, true) : 0;
  const end = pairsAt + 4 + 4 * pairs;
  if (buffer.byteLength < end) checkEnd(buffer, end, n);
  const block = {
    rho: new Uint8Array(buffer, at, n),
    target: new Uint8Array(buffer, at + n, n),
    cost: new Uint8Array(buffer, at + 2 * n, n),
    state: new Uint8Array(buffer, at + 3 * n, n),
    backlogMs: new Uint16Array(buffer, rsusAt, m),
    requests: new Uint8Array(buffer, rsusAt + 2 * m, m),
    rsuFlags: new Uint8Array(buffer, rsusAt + 3 * m, m),
    pairs: new Uint16Array(buffer, pairsAt + 4, 2 * pairs),
  };
  return { block, end };
}

function checkEnd(buffer, expected, n) {
  if (buffer.byteLength !== expected) {
    throw new RangeError(`a frame of ${n} vehicles has ${expected} bytes, got ${buffer.byteLength}`);
  }
}

/**
 * Decode a batch of metrics: `steps[row]`, and `values[(row * schemes + scheme) * columns + column]`.
 * Names of schemes and columns come with the stream's hello and status.
 */
export function decodeMetrics(buffer) {
  const view = new DataView(buffer);
  checked(view, METRICS_MAGIC, METRICS_HEADER, "metrics batch");
  const schemes = view.getUint16(6, true);
  const rows = view.getUint32(8, true);
  const columns = view.getUint32(16, true);
  const valuesAt = METRICS_HEADER + 4 * rows;
  const expected = valuesAt + 4 * rows * schemes * columns;
  if (buffer.byteLength !== expected) {
    throw new RangeError(`a batch of ${rows} rows has ${expected} bytes, got ${buffer.byteLength}`);
  }
  return {
    schemes,
    rows,
    columns,
    run: view.getUint32(12, true),
    steps: new Uint32Array(buffer, METRICS_HEADER, rows),
    values: new Float32Array(buffer, valuesAt, rows * schemes * columns),
  };
}

/** What a frame says about one vehicle, in everyday units. */
export function vehicleRow(frame, row) {
  const state = frame.state[row];
  return {
    row,
    slot: frame.slot[row],
    kind: ["car", "bus", "truck", "car"][frame.info[row] & KIND],
    x: frame.x[row] * METRES_PER_UNIT,
    y: frame.y[row] * METRES_PER_UNIT,
    outside: (frame.info[row] & OUTSIDE) !== 0,
    twinAge: frame.info[row] >> 4,
    hasTask: (state & HAS_TASK) !== 0,
    rho: frame.rho[row] / 255,
    target: frame.target[row],
    cost: frame.cost[row] / 50,
    success: (state & SUCCESS) !== 0,
    forwarded: (state & FORWARDED) !== 0,
    rejected: (state & REJECTED) !== 0,
    battery: (state >> 4) / 15,
  };
}

/** What a frame says about one RSU. */
export function rsuRow(frame, index) {
  return {
    index,
    up: (frame.rsuFlags[index] & UP) !== 0,
    radioUp: (frame.rsuFlags[index] & RADIO_UP) !== 0,
    backlogS: frame.backlogMs[index] / 1000,
    requests: frame.requests[index],
  };
}
