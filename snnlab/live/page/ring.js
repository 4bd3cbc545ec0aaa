// What a ring of units shows: its activity as a map, the decoded angle and the stimulus, and a sentence about a run.
// The measures of analysis/ring.py.

const COLUMNS = 400, ROWS = 128, LEVELS = 65_535;

const wrapped = (angle) => angle - 2 * Math.PI * Math.ceil((angle - Math.PI) / (2 * Math.PI));

/** The height of the bump: of the Gaussian through the highest unit and its two neighbours. */
function peakHeight(u) {
  let top = 0;
  for (let i = 1; i < u.length; i++) if (u[i] > u[top]) top = i;
  const left = u[(top + u.length - 1) % u.length], here = u[top], right = u[(top + 1) % u.length];
  if (!(left > 0 && right > 0 && left < here && right <= here)) return here;
  const [a, b, c] = [left, here, right].map(Math.log);
  return Math.exp(b - (0.125 * (c - a) ** 2) / (a - 2 * b + c));
}

export class RingPortrait {
  units = {};

  constructor({ angles }, run) {
    const sample = (name) => run.samples.find((each) => each.name === name);
    Object.assign(this, { angles, run, u: sample("u"), n: angles.length });
    const cosines = angles.map(Math.cos), sines = angles.map(Math.sin), { done } = run;
    this.decoded = Float64Array.from({ length: done }, (_, i) => {
      const row = this.row(i);
      let x = 0, y = 0, total = 0;
      for (let k = 0; k < row.length; k++) {
        const weight = Math.max(row[k], 0);
        x += weight * cosines[k];
        y += weight * sines[k];
        total += weight;
      }
      return Math.hypot(x, y) > 1e-12 * (total + 1e-300) ? Math.atan2(y, x) : NaN;
    });
    this.position = sample("position")?.values ?? new Float32Array(done).fill(NaN);
    this.behind = this.decoded.map((angle, i) => wrapped(this.position[i] - angle));
    const heights = Float32Array.from({ length: done }, (_, i) => peakHeight(this.row(i)));
    const column = (name, values) => ({ name, cells: null, width: 1, values });
    this.traces = [
      column("height of the bump", heights),
      // without the rounding errors, which would fill a panel that shows nothing else
      column("stimulus minus decoded angle (rad)", Float32Array.from(this.behind, (x) => Math.round(x * 1e5) / 1e5)),
    ];
  }

  row(i) {
    return this.u.values.subarray(i * this.n, (i + 1) * this.n);
  }

  panel(block) {
    const { done, dt } = this.run, every = Math.max(1, Math.ceil(done / COLUMNS)), apart = Math.max(1, Math.ceil(this.n / ROWS));
    const columns = Math.ceil(done / every), rows = Math.ceil(this.n / apart);
    let top = 0;
    for (let i = 0; i < done; i += every) for (const value of this.row(i)) if (value > top) top = value;
    const levels = new Uint16Array(rows * columns);
    for (let column = 0; column < columns; column++) {
      const u = this.row(column * every);
      for (let row = 0; row < rows; row++) {
        levels[row * columns + column] = top > 0 ? rounded(Math.max(u[row * apart], 0) * (LEVELS / top)) : 0;
      }
    }
    const line = (name, values) => ({ name, values: block.add(Float32Array.from({ length: columns }, (_, i) => values[i * every])) });
    return {
      kind: "map",
      title: `u on the ring (rad), from 0 (dark) to ${general(top, 3)} (light)`,
      alt: "map of the activity u over time and angle, with the decoded angle and the stimulus as lines",
      rows, step: every * dt, levels: block.add(levels),
      lines: [line("stimulus", this.position), line("decoded", this.decoded)],
    };
  }

  /** Height and angle of the bump at the end, decoding error and lag. */
  sentence() {
    const { done } = this.run, { position, behind } = this;
    if (!done) return "";
    const height = peakHeight(this.row(done - 1)), angle = this.decoded[done - 1], there = position[done - 1];
    if (!(height > 1e-3)) return "no activity is left";
    const signed = (x) => (x < 0 || Object.is(x, -0) ? "" : "+") + fixed(x, 2);
    const parts = [`bump of height ${general(height, 3)} at ${signed(angle)} rad`];
    parts.push(Number.isNaN(there) ? "no stimulus" : `stimulus at ${signed(there)} rad`);
    const finite = [...behind].filter(Number.isFinite), last = finite.slice(-Math.max(1, Math.floor(finite.length / 5)));
    if (last.length) parts.push(`decoding error ${fixed(Math.sqrt(last.reduce((sum, x) => sum + x * x, 0) / last.length), 4)} rad`);
    let furthest = -Infinity;
    for (let i = 1; i < done; i++) {
      const way = wrapped(position[i] - position[i - 1]);
      if (Math.abs(way) > 0 && Math.abs(way) < 0.5 && Number.isFinite(behind[i])) furthest = Math.max(furthest, Math.sign(way) * behind[i]);
    }
    if (furthest > -Infinity) parts.push(`lag up to ${fixed(furthest, 3)} rad`);
    return parts.join(", ");
  }
}
