// Spikes of a run: read from packed words, measured as snnlab.analysis.summary measures them.

const SILENT_RATE = 0.1, SATURATED_SHARE = 0.75, IRREGULAR_CV = 0.5, SYNCHRONOUS_COVARIANCE = 0.02;
const ROUNDING = 1e-9, BIN_WIDTH = 5, TAU_REF = 5, FEW = 10; // as in analysis/spikes.py, which gives the reasons

/** The spikes of one population, in order of time and then of cell. */
export class Train {
  constructor(name, n) {
    Object.assign(this, { name, n, count: 0, steps: new Uint32Array(1024), neurons: new Uint32Array(1024) });
  }
  add(step, neuron) {
    if (this.count === this.steps.length) {
      for (const part of ["steps", "neurons"]) {
        const longer = new Uint32Array(2 * this.count);
        longer.set(this[part]);
        this[part] = longer;
      }
    }
    this.steps[this.count] = step;
    this.neurons[this.count++] = neuron;
  }
}

/**
 * Adds the spikes of `taken` steps from number `first` on to the trains of a group: cell c is bit c // n_words of word
 * c % n_words of its step's row, as core/delivery.py packs them. `bounds` are the first cells of the trains.
 */
export function unpack(words, nWords, taken, first, trains, bounds) {
  const cells = new Uint32Array(32 * nWords);
  for (let row = 0, at = 0; row < taken; row++) {
    let found = 0;
    for (let w = 0; w < nWords; w++, at++) {
      for (let word = words[at]; word; word &= word - 1) cells[found++] = (31 - Math.clz32(word & -word)) * nWords + w;
    }
    if (!found) continue;
    const spiking = cells.subarray(0, found);
    if (found > 1) sort(spiking);
    for (let i = 0, k = 0; i < found; i++) {
      while (spiking[i] >= bounds[k + 1]) k++;
      trains[k].add(first + row, spiking[i] - bounds[k]);
    }
  }
}

function sort(list) {
  if (list.length > 24) {
    list.sort();
    return;
  }
  for (let i = 1; i < list.length; i++) {
    const value = list[i];
    let j = i - 1;
    for (; j >= 0 && list[j] > value; j--) list[j + 1] = list[j];
    list[j + 1] = value;
  }
}

/** All trains laid end to end: the spikes of each cell one after another, in order of time. */
function cellwise(trains) {
  const n = trains.reduce((sum, train) => sum + train.n, 0);
  const starts = new Uint32Array(n + 1);
  const each = (act) => {
    let below = 0;
    for (const train of trains) {
      for (let i = 0; i < train.count; i++) act(train.neurons[i] + below, train.steps[i]);
      below += train.n;
    }
  };
  each((cell) => starts[cell + 1]++);
  for (let cell = 0; cell < n; cell++) starts[cell + 1] += starts[cell];
  const next = starts.slice(), steps = new Uint32Array(starts[n]);
  each((cell, step) => (steps[next[cell]++] = step));
  return { n, starts, steps };
}

/** Mean coefficient of variation of the intervals of the cells that have 4 spikes; NaN without one. */
function intervalCV({ n, starts, steps }, dt) {
  let sum = 0, cells = 0;
  for (let cell = 0; cell < n; cell++) {
    const first = starts[cell], last = starts[cell + 1], intervals = last - first - 1;
    if (intervals < 3) continue;
    let total = 0, squares = 0;
    for (let i = first; i < last - 1; i++) total += steps[i + 1] * dt - steps[i] * dt;
    const mean = total / intervals;
    for (let i = first; i < last - 1; i++) squares += (steps[i + 1] * dt - steps[i] * dt - mean) ** 2;
    sum += Math.sqrt(squares / intervals) / mean;
    cells++;
  }
  return cells ? sum / cells : NaN;
}

/** Golomb's chi of the counts in bins of 5 ms; NaN when no cell's count varies. */
function synchrony({ n, starts, steps }, dt, duration) {
  const bins = Math.floor(duration / BIN_WIDTH + ROUNDING);
  const population = new Float64Array(bins);
  let squares = 0, totals = 0, whole = 0;
  for (let cell = 0; cell < n; cell++) {
    let total = 0, bin = -1, inBin = 0;
    for (let i = starts[cell]; i < starts[cell + 1]; i++) {
      const at = Math.floor((steps[i] * dt) / BIN_WIDTH + ROUNDING);
      if (at >= bins) break;
      if (at !== bin) {
        squares += inBin * inBin;
        [bin, inBin] = [at, 0];
      }
      inBin++;
      total++;
      population[at]++;
    }
    squares += inBin * inBin;
    totals += total * total;
    whole += total;
  }
  const together = bins * population.reduce((sum, count) => sum + count * count, 0) - whole * whole;
  const single = bins * squares - totals;
  return single ? Math.sqrt(together / (n * single)) : NaN;
}

function verdict(n, rate, cv, chi, duration) {
  if (!duration) return "no time was simulated";
  if (rate < SILENT_RATE) return rate ? "nearly silent" : "silent";
  if (rate * TAU_REF >= 1000 * SATURATED_SHARE) return "saturated";
  const words = [];
  if (n > 1 && !Number.isNaN(chi)) {
    const noise = Math.sqrt(2 / (duration / BIN_WIDTH - 1));
    const together = n * chi ** 2 - 1 > (n - 1) * SYNCHRONOUS_COVARIANCE + 3 * noise;
    words.push(together ? "synchronous" : "asynchronous");
  }
  if (!Number.isNaN(cv)) words.push(cv >= IRREGULAR_CV ? "irregular" : "regular");
  return words.join(" ") || "too few spikes to tell";
}

/** The status line of a run of `duration` ms, and the numbers in it. */
export function summarise(trains, dt, duration) {
  const together = cellwise(trains);
  const rates = trains.map(({ count, n }) => (duration ? (1000 * count) / (n * duration) : NaN));
  const cv = intervalCV(together, dt);
  let chi = synchrony(together, dt, duration);
  const rate = duration ? (1000 * together.steps.length) / (together.n * duration) : NaN;
  let said = verdict(together.n, rate, cv, chi, duration);
  if (together.n < FEW) [chi, said] = [NaN, said.includes("silent") || !duration ? said : ""]; // no population
  const figures = trains.map(({ name }, i) => `${name} ${fixed(rates[i], 1)} Hz`).filter((_, i) => !Number.isNaN(rates[i]));
  for (const [name, value] of [["CV", cv], ["synchrony", chi]]) {
    if (!Number.isNaN(value)) figures.push(`${name} ${fixed(value, 2)}`);
  }
  const words = [figures.join(", "), said].filter(Boolean).join(": ");
  return { words, rates, cv, synchrony: chi };
}
