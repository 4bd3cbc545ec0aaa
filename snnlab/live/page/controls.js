// Native controls of an explorer on a page: a labelled number box and a slider for a parameter, buttons, menus.

const STOPS = 200; // positions of a slider, about

/** How a slider's own number stands for a value: the rules of widgets/controls.py, `Scale`. */
export class Scale {
  constructor({ default: first, low, slider, log }) {
    let [bottom, top] = slider;
    const around = 4 * Math.abs(first) || 10;
    top ??= Math.max(around, (bottom ?? -Infinity) + 1);
    bottom ??= Math.min(-around, top - 1);
    this.low = bottom === ABOVE_ZERO ? 0 : bottom;
    this.high = top;
    this.log = log && this.low >= 0;
    const rough = (this.high - this.low) / STOPS, power = 10 ** Math.floor(Math.log10(rough));
    const quantum = Math.max(...[1, 2, 5].map((m) => m * power).filter((step) => step <= rough * (1 + 1e-9)));
    if (low === ABOVE_ZERO && this.low === 0) this.low = this.log ? this.high / 1000 : quantum;
    this.knee = this.high / 1000;
    [this.min, this.max, this.step] = this.log ? [0, 1, 1 / STOPS] : [this.low, this.high, quantum];
  }

  /** The slider's number for a value; one beyond the ends stands at the end. */
  place(value) {
    value = Math.min(Math.max(value, this.low), this.high);
    if (!this.log) return value;
    if (this.low > 0) return Math.log(value / this.low) / Math.log(this.high / this.low);
    return Math.asinh(value / this.knee) / Math.asinh(this.high / this.knee);
  }

  /** The value for a slider's number: rounded, so that it stays short; exact at the ends. */
  value(place) {
    if (place <= this.min || place >= this.max) return place <= this.min ? this.low : this.high;
    if (!this.log) {
      const digits = 2 + Math.max(0, Math.ceil(-Math.log10(this.step)));
      return Number(this.stop(place).toFixed(digits)) + 0;
    }
    if (this.low > 0) return Number((this.low * (this.high / this.low) ** place).toPrecision(3));
    return Number((this.knee * Math.sinh(place * Math.asinh(this.high / this.knee))).toPrecision(3));
  }

  /** The slider's own stop nearest to a number of it. */
  stop(place) {
    return Math.min(this.max, this.min + rounded((place - this.min) / this.step) * this.step);
  }

  /** How far along the track a value stands, 0 to 1. */
  fraction(value) {
    return (this.place(value) - this.min) / (this.max - this.min);
  }
}

/** An element with attributes, properties (text, onclick) and children; what is given as text is never markup. */
export function element(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
    else if (value !== false && value !== null) made.setAttribute(name, value === true ? "" : String(value));
  }
  made.append(...children);
  return made;
}

let made = 0; // ids are for labels; two explorers of one model must not share them

/**
 * The controls of one parameter; where only the values `held` can be had it has no slider. `touched(name, value)` hears
 * a number, or the text that is none.
 */
export class Control {
  constructor(parameter, held, touched) {
    const { name, unit, doc, integer } = parameter;
    Object.assign(this, { name, unit });
    const words = unit ? `${name} (${unit})` : name, id = `snnlab-control-${(made += 1)}`;
    const hint = doc ?? "";
    this.box = element("input", {
      type: "number", id, step: integer ? 1 : "any", inputmode: "decimal", title: hint, disabled: held?.length === 1,
      onchange: () => touched(name, this.box.value === "" ? "" : this.box.valueAsNumber),
    });
    this.element = element("div", { class: "snnlab-control", "data-parameter": name },
      element("label", { for: id, title: hint }, words), this.box);
    if (integer || held) return;
    const scale = (this.scale = new Scale(parameter));
    this.slider = element("input", {
      type: "range", min: scale.min, max: scale.max, step: scale.step, "aria-label": words, title: hint,
      oninput: () => touched(name, scale.value(this.slider.valueAsNumber)),
    });
    this.element.append(this.slider);
  }

  /** Show a value; a slider that stands for it stays where the hand has it. */
  show(value) {
    const text = String(value);
    if (this.box.value !== text) this.box.value = text;
    if (!this.slider) return;
    if (this.scale.value(this.slider.valueAsNumber) !== value) this.slider.value = this.scale.stop(this.scale.place(value));
    this.slider.setAttribute("aria-valuetext", `${general(value)} ${this.unit}`.trim());
  }
}

/** A button that does `act`, under the name that tests and the view know it by. */
export function button(action, words, title, act) {
  return element("button", { type: "button", "data-action": action, title, onclick: act }, words);
}

/** A button that opens a list of buttons: [words, act]. */
export function menu(action, words, title, entries) {
  const list = element("div", { class: "snnlab-menu-list" });
  const details = element("details", { class: "snnlab-menu", "data-action": action },
    element("summary", { title }, words), list);
  const close = (event) => {
    if (event.type === "keydown" ? event.key === "Escape" : !details.contains(event.target)) details.open = false;
  };
  for (const [label, act] of entries) {
    list.append(element("button", { type: "button", onclick: () => { details.open = false; act(); } }, label));
  }
  details.addEventListener("keydown", close);
  document.addEventListener("pointerdown", close);
  return details;
}
