// The engine of a page's explorer, in a Web Worker: runs the compiled model chunk by chunk and sends frames.
//
// Messages in: {load: package}, {run: {id, values, duration, dt, seed, positions}} (the newest replaces what is under way),
// {stop: true}, {export: "spikes" | "traces"}. Out: {ready: build}, {frame, data, id, finished, ...}, {progress},
// {failed}, {text}.

const SLICE = 25; // ms of computing before the messages (Stop, a newer run) get their turn
const PATIENCE = 150; // ms that a run may take before what it has so far is shown, or a newer request replaces it
const SHARE = 0.2; // of a long run's time is spent on showing what it has so far, at most
const MAX_STEPS = 2 ** 31 - 2; // they are counted in 32 bits
const MOST = 400e6; // bytes of samples that a page keeps

let engines = []; // of the program, of its variants (what Python builds in another way) and of other sizes
let current = null, last = null;

const turn = new MessageChannel(), waiting = [];
turn.port1.onmessage = () => waiting.shift()();
const messagesFirst = () => new Promise((resolve) => {
  waiting.push(resolve);
  turn.port2.postMessage(null);
});

/** A program, loaded when it is first needed. */
class Engine {
  constructor(given) {
    Object.assign(this, { given, manifest: given.manifest, wiredTo: "" });
  }

  async load() {
    this.module ??= await Module.of(this.given, this.manifest.buffers);
    return this;
  }

  /** Whether it was compiled for the sizes among these values. */
  fits(values) {
    return Object.entries(this.manifest.fixed ?? {}).every(([name, value]) => !(name in values) || values[name] === value);
  }

  /** Take the values; gives the condition that they break, or null. */
  prepare({ values, dt, seed, duration }) {
    const { module, manifest } = this;
    module.write("values", manifest.parameters.map(({ name }) => values[name]));
    for (const [name, value] of [["dt", dt], ["seed", seed], ["last", rounded(duration / dt)]]) module.write(name, [value]);
    module.call("prepare");
    return manifest.faults?.[module.read("fault")] ?? null;
  }

  start({ values, seed }) {
    const { module, manifest } = this;
    const wiring = [seed, ...manifest.parameters.filter(({ wires }) => wires).map(({ name }) => values[name])].join();
    if (wiring !== this.wiredTo) {
      this.wiredTo = "";
      module.call("wire");
      if (module.read("overflow")) throw new Error(manifest.limits.overflow);
      this.wiredTo = wiring;
    }
    module.call("start");
  }

  advance(steps) {
    this.module.write("steps", [steps]);
    this.module.call("advance");
    return this.module.read("failed") ?? -1;
  }

  /** What was wrong in step `failed` or in one of those before it that were not looked at: they are taken again. */
  explained(failed, asked) {
    const { module, manifest: { limits = {}, capacity } } = this, checks = limits.checks ?? [], { dt } = asked;
    const words = (culprit, step) => (limits.sentence ?? "{culprit} at t = {time} ms: the run was stopped.")
      .replace("{culprit}", culprit).replace("{time}", general(step * dt)).replace("{dt}", general(dt));
    const before = Math.max(0, failed - (limits.every ?? 1));
    module.call("start");
    for (let done = 0; done < failed;) {
      const steps = done < before ? Math.min(capacity, before - done) : 1;
      this.advance(steps);
      done += steps;
      if (done <= before && done < failed) continue;
      module.call("inspect");
      const [verdict = []] = module.leaves("verdict"), [value = []] = module.leaves("value");
      const found = verdict.findIndex((cell) => cell >= 0);
      if (found < 0) continue;
      return words(checks[found].text.replace("{cell}", verdict[found]).replace("{value}", general(value[found])), done);
    }
    return words("the state left the numbers", failed);
  }
}

/** The steps of a duration. Throws an Error where they are not whole or too many, as core/run.py does. */
function wholeSteps(duration, dt) {
  const exact = duration / dt, n = rounded(exact);
  if (exact > MAX_STEPS) throw new Error(`${general(exact)} steps are too many; at most ${MAX_STEPS} can be taken in one run.`);
  if (n >= 1 && Math.abs(exact - n) <= Math.min(1e-6 * exact, 0.01)) return n;
  throw new Error(
    `duration = ${general(duration)} ms is not a whole number of steps of dt = ${general(dt)} ms; ` +
    `the nearest is ${general(Math.max(1, n) * dt, 10)} ms.`,
  );
}

/** The engine that can run with these values, prepared. Throws an Error, the sentence of the condition they break. */
async function engineFor(asked) {
  wholeSteps(asked.duration, asked.dt);
  let broken = { text: "This page has no module for these sizes." };
  for (const engine of engines.filter((each) => each.fits(asked.values))) {
    const fault = (await engine.load()).prepare(asked);
    if (!fault) return engine;
    if (!broken.parameters) broken = fault;
  }
  throw new Error(broken.text);
}

/** A run under way: what was asked for, and what there is of it so far. */
class Attempt {
  constructor(asked, engine) {
    const { id, duration, dt, positions } = asked, { module, manifest } = engine;
    const { populations = [], groups = [], samples = [] } = manifest;
    Object.assign(this, { asked, engine, id, positions, duration, dt, done: 0, stopped: false });
    this.total = wholeSteps(duration, dt);
    this.trains = populations.map(({ name, n }) => new Train(name, n));
    this.groups = groups.map((_, g) => {
      const members = populations.map((population, i) => ({ ...population, i })).filter(({ group }) => group === g);
      members.sort((a, b) => a.first - b.first); // the planner's order, which need not be the network's
      return { trains: members.map(({ i }) => this.trains[i]), bounds: [...members.map(({ first }) => first), members.at(-1).last] };
    });
    const shapes = module.shapes("samples");
    const width = (k) => shapes[k].slice(1).reduce((product, size) => product * size, 1);
    const bytes = samples.reduce((sum, _, k) => sum + 4 * width(k) * this.total, 0);
    if (bytes > MOST) throw new Error(`a run of ${general(duration)} ms records ${rounded(bytes / 1e6)} MB, more than a page keeps; make it shorter`);
    this.samples = samples.map(({ label, cells }, k) => ({
      name: label, cells: cells ?? null, width: width(k), values: new Float32Array(width(k) * this.total),
    }));
  }

  /** Take up to `steps` steps more. */
  advance(steps) {
    const taken = Math.min(steps, this.total - this.done), { engine, engine: { module } } = this;
    const failed = engine.advance(taken);
    if (failed >= 0) throw new Error(engine.explained(failed, this.asked));
    const words = module.leaves("words"), shapes = module.shapes("words");
    this.groups.forEach(({ trains, bounds }, g) => unpack(words[g], shapes[g][1], taken, this.done, trains, bounds));
    module.leaves("samples").forEach((values, k) => {
      const { width, values: kept } = this.samples[k];
      kept.set(values.subarray(0, taken * width), this.done * width);
    });
    this.done += taken;
  }

  /** What there is so far. */
  get sofar() {
    const samples = this.samples.map((sample) => ({ ...sample, values: sample.values.subarray(0, this.done * sample.width) }));
    return { dt: this.dt, duration: this.duration, done: this.done, trains: this.trains, samples };
  }

  get fraction() {
    return this.done / this.total;
  }
}

async function load(given) {
  const whole = (each) => [each, ...(each.variants ?? [])];
  engines = [given, ...(given.sizes ?? [])].flatMap(whole).map((each) => new Engine(each));
  const { module } = await engines[0].load();
  postMessage({ ready: module.build });
}

async function work(attempt) {
  const began = performance.now();
  const { engine, engine: { manifest: { capacity } } } = attempt;
  let yielded = began, shown = began, patience = PATIENCE, steps = Math.min(capacity, 500);
  engine.start(attempt.asked);
  while (attempt.done < attempt.total && !attempt.stopped) {
    const before = performance.now();
    attempt.advance(steps);
    const now = performance.now();
    // a chunk is what Stop waits for
    steps = Math.max(1, Math.min(capacity, Math.round((steps * SLICE) / Math.max(now - before, 1))));
    if (attempt.done === attempt.total || now - yielded < SLICE) continue;
    await messagesFirst();
    if (attempt !== current) return;
    yielded = performance.now();
    if (yielded - shown < patience) continue;
    show(attempt, false, yielded - began);
    shown = performance.now();
    patience = Math.max(PATIENCE, (shown - yielded) / SHARE);
  }
  show(attempt, true, performance.now() - began);
  last = attempt;
  current = null;
}

function show(attempt, finished, elapsed) {
  const run = attempt.sofar, picture = portrait(attempt.engine, run);
  const [frame, data] = encode(run, attempt.positions, picture);
  const summary = finished ? sentence(run, picture) : null;
  const { id, fraction, stopped } = attempt;
  postMessage({ id, frame, data, finished, fraction, stopped, elapsed, summary }, [data.buffer]);
}

/** What a model without spikes shows beside its curves. */
function portrait({ module, manifest: { kind, plane, ring, parameters } }, run) {
  if (kind === "ring") return new RingPortrait(ring, run);
  if (kind !== "plane") return null;
  const startable = plane.variables.every((name) => parameters.some((each) => each.name === `${name}_0`));
  return new PlanePortrait({ ...plane, startable }, module, run);
}

/** The status line of a run. */
function sentence(run, picture) {
  if (run.trains.length) return summarise(run.trains, run.dt, run.done * run.dt);
  if (picture) return { words: picture.sentence() };
  const ends = run.samples.map(({ name, width, values }) => {
    const end = values.subarray(values.length - width);
    return `${name} ${general(Math.min(...end), 3)} to ${general(Math.max(...end), 3)}`;
  });
  return { words: `at the end ${ends.join(", ")}` };
}

async function run(asked) {
  try {
    current = { id: asked.id };
    const engine = await engineFor(asked);
    if (current?.id !== asked.id) return;
    current = Object.assign(new Attempt(asked, engine), { stopped: Boolean(current.stopped) });
    await work(current);
  } catch (error) {
    if (current?.id !== asked.id) return;
    if (error instanceof WebAssembly.RuntimeError) engines.forEach((engine) => (engine.wiredTo = "")); // who knows what it left
    current = null;
    postMessage({ id: asked.id, failed: error.message });
  }
}

function* table({ dt, trains, samples, done }, what) {
  if (what === "spikes") {
    yield "population,cell,time_ms\n";
    for (const { name, count, steps, neurons } of trains) {
      for (let i = 0; i < count; i++) yield `${name},${neurons[i]},${general(steps[i] * dt, 12)}\n`;
    }
    return;
  }
  const columns = samples.flatMap(({ name, cells, width, values }) =>
    Array.from({ length: width }, (_, k) => ({ name: cells === null ? name : `${name} ${cells[k] ?? k}`, width, values, k })));
  yield `time_ms,${columns.map(({ name }) => name).join(",")}\n`;
  for (let i = 0; i < done; i++) {
    yield `${general(i * dt, 12)},${columns.map(({ values, width, k }) => values[i * width + k]).join(",")}\n`;
  }
}

onmessage = ({ data }) => {
  if (data.load) load(data.load).catch((error) => postMessage({ broken: error.message }));
  if (data.run) run(data.run);
  if (data.stop && current) current.stopped = true;
  if (data.export) postMessage({ table: data.export, blob: last && new Blob([...table(last.sofar, data.export)], { type: "text/csv" }) });
};
