// The settings of an explorer: values by name, each checked against what its parameter allows; presets, links, code.

const ABOVE_ZERO = Number.MIN_VALUE; // the lower bound of what must be strictly above 0
const LINK = "#snnlab=";

/** The sentence for a name that is not among `choices`, with the nearest one offered. */
function unknown(complaint, name, choices) {
  const pairs = (text) => Array.from({ length: text.length - 1 }, (_, i) => text.slice(i, i + 2).toLowerCase());
  const likeness = (a, b) => {
    const left = pairs(a), right = pairs(b);
    return (2 * left.filter((pair) => right.includes(pair)).length) / Math.max(1, left.length + right.length);
  };
  const near = [...choices].sort((a, b) => likeness(b, name) - likeness(a, name))[0];
  const hint = near && likeness(near, name) >= 0.5 ? ` Did you mean "${near}"?` : "";
  const shown = name.length > 60 ? `${name.slice(0, 57)}...` : name;
  return `${complaint} "${shown}".${hint} There is ${[...choices].map((choice) => `"${choice}"`).join(", ") || "none"}.`;
}

/** What a parameter allows, in words. */
function allowed({ low, high, unit }) {
  const lower = low === ABOVE_ZERO ? "above 0" : low === null ? "" : `at least ${general(low)}`;
  const upper = high === null ? "" : `at most ${general(high)}`;
  const words = [lower, upper].filter(Boolean).join(" and ");
  return words ? words + (unit ? ` ${unit}` : "") : "finite";
}

export class Settings {
  /** `others` are the manifests of the same model in other sizes. */
  constructor(manifest, others = []) {
    const { model, parameters, fixed_parameters = [], duration, dt, presets = {}, start = {}, values = {} } = manifest;
    this.owner = model;
    this.code_lines = manifest.code;
    const of = (name, more) => ({ name, unit: "ms", low: ABOVE_ZERO, high: null, log: false, integer: false, ...more });
    const all = [
      ...parameters,
      ...fixed_parameters.map((each) => ({ ...each, fixed: true })),
      of("duration", duration),
      of("dt", manifest.dt_parameter ?? { default: dt, fixed: true, doc: "time step" }),
      of("seed", { default: 0, unit: "", doc: "seed of the random numbers", low: 0, high: 2 ** 31 - 1, integer: true }),
    ];
    const order = [...(manifest.order ?? []), ...all.map(({ name }) => name)];
    all.sort((a, b) => order.indexOf(a.name) - order.indexOf(b.name));
    this.parameters = new Map(all.map((parameter) => [parameter.name, parameter]));
    this.run = ["duration", "dt", "seed"];
    this.presets = presets;
    this.values = {};
    for (const { name, default: first } of all) this.values[name] = first;
    const known = ([name]) => this.parameters.has(name);
    Object.assign(this.values, Object.fromEntries(Object.entries(start).filter(known)));
    this.fresh = { ...this.values }; // of an explorer that nobody has touched: links say what differs from it
    const sizes = ({ fixed = {} }) => Object.fromEntries(Object.entries(fixed).filter(known));
    Object.assign(this.values, sizes(manifest));
    this.held = {}; // what a compiled model fixes: the values that there are modules for
    for (const { name, fixed: held } of all) if (held) this.held[name] = [this.values[name]];
    for (const [name, value] of [manifest, ...others].flatMap((each) => Object.entries(sizes(each)))) {
      this.held[name] = [...new Set([...(this.held[name] ?? []), value])];
    }
    this.update(Object.fromEntries(Object.entries(values).filter(known))); // the page's own first values
    this.start = { ...this.values };
  }

  /** `value` as a legal number. Throws an Error that says what is wrong and what is allowed. */
  checked(name, value) {
    const parameter = this.parameters.get(name);
    if (!parameter) throw new Error(unknown(`${this.owner} has no parameter`, String(name), this.parameters.keys()));
    if (typeof value === "string" && /^\s*[-+]?(\d+\.?\d*|\.\d+)(e[-+]?\d+)?\s*$/i.test(value)) value = Number(value);
    if (typeof value !== "number") {
      const shown = JSON.stringify(value) ?? String(value);
      throw new Error(`${this.owner}: ${name} must be a number, not ${shown.length > 60 ? `${shown.slice(0, 57)}...` : shown}.`);
    }
    const { low, high, unit, integer } = parameter;
    if (!Number.isFinite(value) || (low !== null && value < low) || (high !== null && value > high)) {
      const suffix = unit ? ` ${unit}` : "";
      throw new Error(`${this.owner}: ${name} = ${general(value)}${suffix} is not allowed; it must be ${allowed(parameter)}.`);
    }
    if (integer && value !== Math.round(value)) throw new Error(`${this.owner}: ${name} = ${general(value)} must be a whole number.`);
    if (this.held[name]?.includes(value) === false) {
      throw new Error(`${this.owner}: ${name} is ${this.held[name].map((each) => general(each)).join(" or ")} on this page and cannot be changed here; it can be in a notebook.`);
    }
    return value;
  }

  /** Change the values given, or none: throws an Error. */
  update(changes) {
    const good = Object.entries(changes).map(([name, value]) => [name, this.checked(name, value)]);
    for (const [name, value] of good) this.values[name] = value;
  }

  get names() {
    return [...this.parameters.keys()].filter((name) => !this.run.includes(name));
  }

  /** The model's defaults, with the changes of a preset where one is named. */
  defaults(preset) {
    const values = Object.fromEntries(this.names.map((name) => [name, this.parameters.get(name).default]));
    return { ...values, ...(preset === undefined ? {} : this.presets[preset]) };
  }

  /** Why a preset cannot be had on this page, or nothing. */
  barred(preset) {
    try {
      for (const [name, value] of Object.entries(this.defaults(preset))) this.checked(name, value);
      return "";
    } catch (error) {
      return error.message;
    }
  }

  /** The preset whose values these are. */
  get preset() {
    return Object.keys(this.presets).find((preset) => this.same(this.defaults(preset)));
  }

  same(values) {
    return Object.entries(values).every(([name, value]) => this.values[name] === value);
  }

  /** The model's parameters that differ from their declared defaults. */
  changed() {
    return Object.entries(this.defaults()).filter(([name, value]) => this.values[name] !== value).map(([name]) => name);
  }

  repr(name) {
    return repr(this.values[name], this.parameters.get(name).integer);
  }

  /** Python that builds the model and runs it. */
  code() {
    const { imports, call, record } = this.code_lines;
    const written = (names) => names.map((name) => `${name}=${this.repr(name)}`).join(", ");
    const recorded = record ? `, record=${record}` : "";
    return `${imports}\n\nmodel = ${call}(${written(this.changed())})\nrecording = snnlab.simulate(model, ${written(this.run)}${recorded})\n`;
  }

  /** The fragment of a link: the model, and what differs from an explorer that nobody has touched. */
  link() {
    const moved = [...this.parameters.keys()].filter((name) => this.values[name] !== this.fresh[name]);
    const part = (name) => `&${encodeURIComponent(name)}=${encodeURIComponent(this.repr(name))}`;
    return LINK + encodeURIComponent(this.owner) + moved.map(part).join("");
  }

  /** Take the values of a link. Throws an Error, and changes nothing, when one of them is wrong. */
  follow(link) {
    this.update({ ...this.fresh, ...linked(link).values });
  }

  /** What `Explorer.to_dict()` gives. */
  json() {
    const values = Object.fromEntries([...this.parameters.keys()].map((name) => [name, this.values[name]]));
    return `${JSON.stringify({ model: this.owner, ...values }, null, 1)}\n`;
  }
}

/** The model and the values, as texts, that a link's fragment names; null for a fragment that is none of ours. */
export function linked(fragment) {
  if (!fragment.startsWith(LINK)) return null;
  if (fragment.length > 4000) throw new Error("It is longer than any link that this page makes.");
  const values = {};
  let parts;
  try {
    parts = fragment.slice(LINK.length).split("&").map((part) => part.split("=").map(decodeURIComponent));
  } catch {
    throw new Error("It is damaged.");
  }
  for (const part of parts.slice(1)) {
    if (part.length !== 2 || !part[0]) throw new Error("It is damaged.");
    values[part[0]] = part[1];
  }
  return { model: parts[0].join("="), values };
}
