// The phase portrait of a two-variable system: nullclines, flow, fixed points, separatrices, and a sentence about a run.
// The methods of analysis/phase_plane.py in single precision, as exact as a picture needs; the flow is the module's.

const ARROWS = 17, PATHS = 20, PATH_POINTS = 1000, GRID = 121, NEAR = 0.01;
const STRIDE = 0.01; // windows: a step along a path

/** The zero level of values on a GRID x GRID grid as polylines (marching squares); `at(i, j)` is a grid point. */
function zeroLevel(values, at) {
  const crossings = new Map(), neighbours = new Map();
  const crossing = (i, j, across) => { // of the edge from (i, j) to the next point along or across; its number
    const a = values[i * GRID + j], b = across ? values[i * GRID + j + 1] : values[(i + 1) * GRID + j];
    if (a >= 0 === b >= 0 || !Number.isFinite(a) || !Number.isFinite(b)) return null;
    const number = 2 * (i * GRID + j) + Number(across);
    if (!crossings.has(number)) {
      const share = a / (a - b), [p, q] = [at(i, j), across ? at(i, j + 1) : at(i + 1, j)];
      crossings.set(number, [p[0] + share * (q[0] - p[0]), p[1] + share * (q[1] - p[1])]);
    }
    return number;
  };
  const join = (a, b) => {
    for (const [from, to] of [[a, b], [b, a]]) neighbours.set(from, [...(neighbours.get(from) ?? []), to]);
  };
  for (let i = 0; i < GRID - 1; i++) {
    for (let j = 0; j < GRID - 1; j++) {
      const edges = [crossing(i, j, false), crossing(i, j + 1, false), crossing(i, j, true), crossing(i + 1, j, true)];
      const [bottom, top, left, right] = edges, there = edges.filter((edge) => edge !== null);
      if (there.length === 2) join(...there);
      if (there.length !== 4) continue;
      const mean = values[i * GRID + j] + values[(i + 1) * GRID + j] + values[i * GRID + j + 1] + values[(i + 1) * GRID + j + 1];
      if (mean >= 0 === values[i * GRID + j] >= 0) [[bottom, right], [top, left]].forEach((pair) => join(...pair));
      else [[bottom, left], [top, right]].forEach((pair) => join(...pair));
    }
  }
  const seen = new Set(), lines = [];
  const ends = [...neighbours.keys()].filter((node) => neighbours.get(node).length === 1);
  for (const first of [...ends, ...neighbours.keys()]) { // open lines from their ends, then what is left: loops
    if (seen.has(first)) continue;
    const chain = [];
    for (let node = first; node !== undefined; node = neighbours.get(node).find((other) => !seen.has(other))) {
      seen.add(node);
      chain.push(crossings.get(node));
    }
    if (neighbours.get(first).length === 2) chain.push(crossings.get(first));
    lines.push(chain);
  }
  return lines;
}

/** The system in its window: its flow at many states at once, and what follows from it. */
class Plane {
  constructor({ variables, low, high }, module) {
    Object.assign(this, { variables, low, high, module, size: high.map((top, k) => top - low[k]) });
    [this.points] = module.leaves("points");
    [this.count] = module.leaves("count");
    [this.result] = module.leaves("flow");
  }

  /** The derivative [x, y] at each of the states [x, y]. */
  flow(states) {
    const room = this.points.length / 2, found = [];
    for (let first = 0; first < states.length; first += room) {
      const part = states.slice(first, first + room);
      part.forEach(([x, y], i) => {
        this.points[2 * i] = x;
        this.points[2 * i + 1] = y;
      });
      this.count[0] = part.length;
      this.module.call("flow");
      part.forEach((_, i) => found.push([this.result[2 * i], this.result[2 * i + 1]]));
    }
    return found;
  }

  grid(n) {
    const at = (k, i) => this.low[k] + (i / (n - 1)) * this.size[k];
    return Array.from({ length: n * n }, (_, i) => [at(0, Math.floor(i / n)), at(1, i % n)]);
  }

  inside([x, y], slack = 1e-5) {
    return [x, y].every((value, k) => value >= this.low[k] - slack * this.size[k] && value <= this.high[k] + slack * this.size[k]);
  }

  distance(a, b) {
    return Math.hypot((a[0] - b[0]) / this.size[0], (a[1] - b[1]) / this.size[1]);
  }

  /** Jacobians [[a, b], [c, d]] by central differences. */
  jacobians(states) {
    const [h, v] = this.size.map((size) => 2e-3 * size);
    const flow = this.flow(states.flatMap(([x, y]) => [[x + h, y], [x - h, y], [x, y + v], [x, y - v]]));
    return states.map((_, i) => [0, 1].map((k) => {
      const [right, left, up, down] = flow.slice(4 * i, 4 * i + 4).map((value) => value[k]);
      return [(right - left) / (2 * h), (up - down) / (2 * v)];
    }));
  }

  /** Newton's method from every cell of the grid in which both derivatives change sign, and from a coarse grid. */
  fixedPoints(values) {
    const states = this.grid(GRID), seeds = this.grid(7);
    for (let i = 0; i < GRID - 1; i++) {
      for (let j = 0; j < GRID - 1; j++) {
        const corners = [0, 1, GRID, GRID + 1].map((more) => i * GRID + j + more);
        const mixed = (k) => new Set(corners.map((at) => values[at][k] >= 0)).size === 2;
        if (mixed(0) && mixed(1) && seeds.length < 400) seeds.push(states[i * GRID + j].map((x, k) => x + (0.5 * this.size[k]) / (GRID - 1)));
      }
    }
    let found = seeds, moves = [];
    for (let round = 0; round < 12; round++) {
      const flow = this.flow(found), jacobians = this.jacobians(found);
      moves = found.map((_, i) => {
        const [[a, b], [c, d]] = jacobians[i], [f, g] = flow[i], det = a * d - b * c;
        return [(b * g - d * f) / det, (c * f - a * g) / det];
      });
      found = found.map((state, i) => state.map((x, k) => x + Math.max(-0.2, Math.min(0.2, moves[i][k] / this.size[k])) * this.size[k]));
    }
    const zeros = [];
    found.forEach((state, i) => {
      const still = moves[i].every((move, k) => Math.abs(move) < 1e-4 * this.size[k]);
      if (still && this.inside(state) && zeros.every((other) => this.distance(state, other) > 2e-3)) zeros.push(state);
    });
    zeros.sort((p, q) => rounded((p[0] - q[0]) / this.size[0] / 1e-3) || p[1] - q[1]);
    return this.jacobians(zeros).map((jacobian, i) => ({ state: zeros[i], ...classified(jacobian) }));
  }

  /** A step of STRIDE windows from each state along the flow (-1: against it); null where it stands still. */
  along(states, way) {
    const unit = (flow) => flow.map(([x, y]) => {
      const speed = Math.hypot(x / this.size[0], y / this.size[1]);
      return speed > this.still ? [(way * x) / speed, (way * y) / speed] : [0, 0];
    });
    const shifted = (by, share) => states.map(([x, y], i) => [x + share * STRIDE * by[i][0], y + share * STRIDE * by[i][1]]);
    const first = unit(this.flow(states)), second = unit(this.flow(shifted(first, 0.5)));
    const third = unit(this.flow(shifted(second, 0.5))), fourth = unit(this.flow(shifted(third, 1)));
    const mean = first.map((_, i) => [0, 1].map((k) => (first[i][k] + 2 * second[i][k] + 2 * third[i][k] + fourth[i][k]) / 6));
    return shifted(mean, 1);
  }

  /** Back in time from both sides of a saddle, to the border of the window or to rest. */
  separatrix({ state, direction }) {
    const norm = Math.hypot(direction[0] / this.size[0], direction[1] / this.size[1]);
    const sides = [-1, 1].map((sign) => [state.map((x, k) => x + (sign * 2e-3 * direction[k]) / norm)]);
    let going = sides;
    for (let step = 0; step < 400 && going.length; step++) {
      const next = this.along(going.map((path) => path.at(-1)), -1);
      going = going.filter((path, i) => {
        const moved = this.distance(next[i], path.at(-2) ?? [NaN, NaN]);
        path.push(next[i]);
        return this.inside(next[i], 0) && !(moved < 0.5 * STRIDE); // a path that turns back has come to rest
      });
    }
    return [...sides[0].reverse(), state, ...sides[1]];
  }

  /** Into which of `targets` each of the states runs: its number, -1 for none. */
  attractors(states, targets) {
    const which = states.map(() => -1);
    let going = states.map((state, i) => ({ state, i }));
    for (let step = 0; step < 600 && going.length; step++) {
      going = going.filter(({ state, i }) => {
        which[i] = targets.findIndex((target) => this.distance(state, target) < 1.5 * STRIDE);
        return which[i] < 0;
      });
      const next = this.along(going.map(({ state }) => state), 1);
      going = going.map(({ i }, at) => ({ state: next[at], i })).filter(({ state }) => this.inside(state, 20));
    }
    return which;
  }

  get described() {
    return this.variables.map((name, k) => `${name} ${general(this.low[k])} to ${general(this.high[k])}`).join(", ");
  }

  /** What does not depend on the run. */
  background() {
    const states = this.grid(GRID), values = this.flow(states);
    const speeds = values.map(([x, y]) => Math.hypot(x / this.size[0], y / this.size[1]));
    this.still = 1e-7 * Math.max(...speeds.filter(Number.isFinite));
    const at = (i, j) => states[i * GRID + j];
    let note = "";
    let nullclines = this.variables.map((name, k) => {
      const lines = zeroLevel(values.map((value) => value[k]), at);
      if (!lines.length && !note) note = `The nullcline of ${name} lies outside the window (${this.described}); widen it.`;
      return { name, colour: k, lines };
    });
    if (note) nullclines = [];
    const points = this.fixedPoints(values), arrows = this.grid(ARROWS);
    const flow = this.flow(arrows).map(([x, y]) => {
      const scaled = [x / this.size[0], y / this.size[1]], length = Math.hypot(...scaled);
      return length > 0 ? scaled.map((value) => value / length) : [0, 0];
    });
    const separatrix = points.filter(({ kind }) => kind === "saddle").map((saddle) => this.separatrix(saddle));
    return { arrows, flow, nullclines, separatrix, points, note };
  }
}

/** What becomes of a small deviation: the kind of a fixed point, and the direction in which it dies out fastest. */
function classified([[a, b], [c, d]]) {
  const trace = a + d, det = a * d - b * c, root = trace * trace / 4 - det;
  const small = 1e-5 * Math.hypot(a, b, c, d), middle = trace / 2;
  if (root < 0) return { kind: Math.abs(middle) <= small ? "centre" : `${middle < 0 ? "stable" : "unstable"} focus` };
  const low = middle - Math.sqrt(root), high = middle + Math.sqrt(root);
  if (Math.min(Math.abs(low), Math.abs(high)) <= small) return { kind: "degenerate" };
  const direction = Math.abs(b) > Math.abs(c) ? [b, low - a] : [low - d, c];
  if (low < 0 && high > 0) return { kind: "saddle", direction: Math.hypot(...direction) > 0 ? direction : a < d ? [1, 0] : [0, 1] };
  return { kind: high < 0 ? "stable node" : "unstable node" };
}

/** The portrait of a run. */
export class PlanePortrait {
  static kept = { key: "" }; // the background of the last values: chunks of one run share it

  constructor(plane, module, run) {
    this.plane = new Plane(plane, module);
    const key = module.leaves("values")[0].join();
    if (PlanePortrait.kept.key !== key) PlanePortrait.kept = { key, still: 0, ...this.plane.background(), grain: this.plane.still };
    this.plane.still = PlanePortrait.kept.grain;
    this.back = PlanePortrait.kept;
    Object.assign(this, { noisy: plane.noisy, startable: plane.startable, units: plane.units ?? {}, traces: run.samples });
    const [first, second] = plane.variables.map((name) => run.samples.find((sample) => sample.name === name));
    this.paths = Array.from({ length: first.width }, (_, trial) =>
      Array.from({ length: run.done }, (_, i) => [first, second].map(({ values, width }) => values[i * width + trial])));
  }

  panel(block) {
    const curve = (states) => block.add(Float32Array.from(states.flat()));
    const { low, high, variables } = this.plane, { arrows, flow, nullclines, separatrix, points, note } = this.back;
    const drawn = this.paths.slice(0, PATHS);
    const every = Math.max(1, Math.ceil(drawn[0].length / PATH_POINTS));
    const starts = new Map(drawn.map(([start]) => [start.join(), start]));
    return {
      kind: "phase plane", title: "phase plane", alt: `phase plane of ${variables.join(" and ")}`, axes: variables,
      startable: Boolean(this.startable), starts: [...starts.values()],
      paths: drawn.map((path) => curve(path.filter((_, i) => i % every === 0))),
      low, high, note,
      field: { n: ARROWS, states: curve(arrows), flow: curve(flow) },
      nullclines: nullclines.map(({ lines, ...rest }) => ({ ...rest, lines: lines.map(curve) })),
      separatrix: separatrix.map(curve),
      points: points.map(({ kind, state }) => ({ kind, state })),
    };
  }

  /** The fixed points, and where the run ended; of noisy runs, in whose basin. */
  sentence() {
    const place = (state) => `(${state.map((value) => general(value, 3)).join(", ")})`;
    const { points } = this.back, stable = points.filter(({ kind }) => kind.startsWith("stable"));
    const kinds = new Map();
    for (const { kind } of points) {
      const word = kind.split(" ")[0];
      kinds.set(word, (kinds.get(word) ?? 0) + 1);
    }
    const parts = [...kinds].map(([kind, n]) => `${n} ${kind}${kind === "saddle" && n > 1 ? "s" : ""}`).join(", ");
    const n = points.length, many = (count) => (count > 1 ? "s" : "");
    const counted = n ? `${n} fixed point${many(n)}: ${parts}` : "no fixed point in the window";
    const { paths } = this, start = place(paths[0][0]), end = paths[0].at(-1);
    if (paths.length > 1 || this.noisy) {
      const which = this.plane.attractors(paths.map((path) => path.at(-1)), stable.map(({ state }) => state));
      const counts = stable.map(({ state }, k) => [which.filter((each) => each === k).length, `in the basin of ${place(state)}`]);
      counts.push([which.filter((each) => each < 0).length, "in none"]);
      const ended = counts.filter(([count]) => count).map((each) => each.join(" ")).join(", ");
      return `${counted}; of ${paths.length} run${many(paths.length)} ended ${ended}`;
    }
    const { size } = this.plane;
    const near = points.find(({ state }) => state.every((x, k) => Math.abs(x - end[k]) / size[k] < NEAR));
    return near
      ? `${counted}; from ${start} to the ${near.kind} at ${place(near.state)}`
      : `${counted}; from ${start} to ${place(end)}, still moving`;
  }
}
