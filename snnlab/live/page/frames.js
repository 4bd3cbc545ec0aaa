// From a run to a frame of the canvas view, a header and one block of bytes, as widgets/frames.py makes it.

const RASTER_LIMIT = 200_000, TRACES = 2, POINTS = 2000;
const PLACES = { E: 0, I: 1 }; // of populations in the palette; no other takes them
const KINDS = new Map([[Uint16Array, "u2"], [Uint32Array, "u4"], [Float32Array, "f4"]]);

/** Typed arrays laid end to end; what a header keeps of one is its number. */
export class Block {
  arrays = [];
  parts = [];
  size = 0;
  add(array) {
    this.arrays.push({ type: KINDS.get(array.constructor), offset: this.size, length: array.length });
    this.parts.push(array);
    this.size += array.byteLength;
    return this.arrays.length - 1;
  }
  bytes() {
    const whole = new Uint8Array(this.size);
    this.parts.forEach((part, i) => {
      whole.set(new Uint8Array(part.buffer, part.byteOffset, part.byteLength), this.arrays[i].offset);
    });
    return whole;
  }
}

/**
 * The frame of a run: {dt, duration, done, trains, samples}, of which `done` steps were taken. A sample is {name,
 * cells, width, values}, `values` a Float32Array [done, width]; one without cells is one number a step. `picture` of a
 * model without spikes is {panel(block), traces}.
 */
export function encode(run, positions, picture) {
  const block = new Block(), panels = [];
  if (run.trains.length) {
    panels.push(raster(block, run));
    if (run.trains.some(({ n }) => n > 1)) panels.push(populationRates(block, run));
    const voltages = run.samples.filter(({ name }) => name.endsWith(".V"));
    const others = run.samples.filter(({ name }) => !name.endsWith(".V"));
    if (voltages.length) panels.push(traces(block, run, voltages, "membrane potential (mV)"));
    if (others.length) {
      const what = [...new Set(others.map(({ name }) => name.slice(name.lastIndexOf(".") + 1)))];
      panels.push(traces(block, run, others, what.join(", ")));
    }
  } else {
    if (picture) panels.push(picture.panel(block));
    panels.push(...variables(block, run, picture?.traces ?? run.samples, picture?.units ?? {}));
  }
  const { duration, dt, done } = run;
  const steps = Math.max(1, rounded(duration / dt));
  return [{ duration, end: done * dt, steps, origin: 0, dt, positions, panels, arrays: block.arrays }, block.bytes()];
}

const colourOf = (name, i) => PLACES[name] ?? 2 + (i % 3);

function smallest(list, count, top) {
  return top < 2 ** 16 ? Uint16Array.from(list.subarray(0, count)) : list.slice(0, count);
}

function raster(block, { trains, duration, dt }) {
  const total = trains.reduce((sum, { count }) => sum + count, 0);
  const every = Math.max(1, Math.ceil(total / RASTER_LIMIT));
  const populations = trains.map((train, i) => {
    let { steps, neurons, count } = train;
    if (every > 1) {
      const kept = new Train(train.name, train.n);
      for (let k = 0; k < count; k++) if (neurons[k] % every === 0) kept.add(steps[k], neurons[k]);
      ({ steps, neurons, count } = kept);
    }
    return {
      name: train.name,
      n: train.n,
      colour: colourOf(train.name, i),
      steps: block.add(smallest(steps, count, rounded(duration / dt) + 1)),
      neurons: block.add(smallest(neurons, count, train.n)),
    };
  });
  const size = populations.map(({ name, n }) => `${name} ${n}`).join(", ");
  const title = every === 1 ? "spikes" : `spikes (of 1 neuron in ${every}, for there are many)`;
  return { kind: "raster", title, alt: `spike raster (${size} neurons)`, populations };
}

/** Steps to a bin of the rate panel: about a hundred bins, of 1, 2 or 5 times a power of ten ms. */
function rateBin(duration, dt) {
  const target = Math.max(duration / 100, dt), power = 10 ** Math.floor(Math.log10(target));
  const width = [1, 2, 5, 10].map((m) => m * power).find((each) => each >= target * (1 - 1e-9));
  return Math.max(1, rounded(width / dt));
}

function populationRates(block, { trains, duration, dt, done }) {
  const width = rateBin(duration, dt), bins = Math.max(1, Math.ceil(done / width));
  const lasting = (bin) => (bin < bins - 1 ? width * dt : Math.max(dt, (done - (bins - 1) * width) * dt));
  const series = trains.map((train, i) => {
    const counts = new Uint32Array(bins);
    for (let k = 0; k < train.count; k++) counts[Math.floor(train.steps[k] / width)]++;
    const values = Float32Array.from(counts, (count, bin) => (1000 * count) / (train.n * lasting(bin)));
    return { name: train.name, legend: train.name, colour: colourOf(train.name, i), values: block.add(values) };
  });
  const step = width * dt, title = `population rate (Hz), ${general(step)} ms bins`;
  return { kind: "rates", title, alt: "population rates in Hz", start: step / 2, step, series };
}

/** Every so manieth row of one column. */
function column({ values, width }, cell, every) {
  const length = Math.ceil(values.length / width / every), picked = new Float32Array(length);
  for (let i = 0, at = cell; i < length; i++, at += every * width) picked[i] = values[at];
  return picked;
}

function traces(block, { trains, dt, done }, samples, what) {
  const every = Math.max(1, Math.ceil(done / POINTS));
  const places = trains.map(({ name }) => name);
  const split = ({ name }) => [name.slice(0, name.lastIndexOf(".")), name.slice(name.lastIndexOf(".") + 1)];
  const mixed = new Set(samples.map((sample) => split(sample)[1])).size > 1;
  const series = samples.flatMap((sample) => {
    const [population, variable] = split(sample), legend = mixed ? `${population} ${variable}` : population;
    return Array.from({ length: Math.min(TRACES, sample.width) }, (_, cell) => ({
      name: sample.name,
      legend: sample.width === 1 ? legend : `${legend} ${cell + 1}`,
      colour: (colourOf(population, places.indexOf(population)) + 2 * cell) % 5,
      values: block.add(column(sample, cell, every)),
    }));
  });
  if (series.length === samples.length && samples.length > 1 && !mixed) what += ", one cell each";
  return { kind: "traces", title: what, alt: what, start: 0, step: every * dt, series };
}

/** One panel for variables that differ in their number: s1 and s2, r1 and r2. */
function variables(block, { dt, done }, samples, units) {
  const alike = new Map(), every = Math.max(1, Math.ceil(done / POINTS));
  for (const sample of samples) {
    const stem = sample.name.replace(/[0-9]+$/, "");
    alike.set(stem, [...(alike.get(stem) ?? []), sample]);
  }
  return [...alike.values()].map((members) => {
    const series = members.flatMap((sample, i) => Array.from({ length: Math.min(TRACES, sample.width) }, (_, unit) => ({
      name: sample.name,
      legend: sample.cells === null ? sample.name : `${sample.name}, ${unit + 1}`,
      colour: (i + 2 * unit) % 5,
      values: block.add(column(sample, unit, every)),
    })));
    const names = members.map(({ name }) => name);
    const title = names.join(", ") + (names[0] in units ? ` (${units[names[0]]})` : "");
    if (series.length === 1) series[0].legend = ""; // the title says it
    return { kind: "traces", title, alt: title, start: 0, step: every * dt, series };
  });
}
