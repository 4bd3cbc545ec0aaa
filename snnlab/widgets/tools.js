// The row under a picture over time: replay, the moment as a slider (with keys and touch), its values in words, zoom.

const REDUCED = "(prefers-reduced-motion: reduce)";
const PLAY = 6; // s for all that is looked at
const JUMPS = 20; // where motion is not wanted, a run is played in so many still pictures

function button(parent, tool, text, label) {
  const element = make("button", { type: "button", "data-tool": tool, ...(label ? { "aria-label": label, title: label } : {}) }, parent);
  element.textContent = text;
  return element;
}

/** `changed()` is called when the moment moves, `zoomed()` when the stretch does. */
export class Tools {
  constructor(holder, looking, { changed, zoomed }) {
    Object.assign(this, { looking, changed, zoomed, timer: 0, live: false });
    // JupyterLab has shortcuts of one letter or digit, two of which restart a kernel
    this.row = make("div", { class: "snnlab-tools", role: "group", "aria-label": "time", "data-lm-suppress-shortcuts": "true", hidden: "" }, holder);
    this.play = button(this.row, "play", "Replay");
    this.range = make("input", { type: "range", "aria-label": "time (ms)", step: "any", min: "0", max: "1", value: "0" }, this.row);
    this.out = button(this.row, "zoom-out", "−", "zoom out");
    this.in = button(this.row, "zoom-in", "+", "zoom in");
    this.all = button(this.row, "whole", "Whole run");
    this.words = make("span", { class: "snnlab-readout" }, this.row);
    this.play.addEventListener("click", () => (this.timer ? this.pause() : this.start()));
    this.range.addEventListener("input", () => this.#moved(() => looking.place(Number(this.range.value) - looking.frame.origin)));
    this.in.addEventListener("click", () => this.#zoom(0.5));
    this.out.addEventListener("click", () => this.#zoom(2));
    this.all.addEventListener("click", () => this.#whole());
    this.row.addEventListener("keydown", (event) => this.key(event));
  }
  #moved(act) {
    this.pause();
    act();
    this.looking.point(null);
    this.changed();
  }
  #zoom(factor) {
    this.looking.zoom(factor);
    this.zoomed();
  }
  #whole() {
    this.looking.whole();
    this.zoomed();
  }
  focus() {
    if (!this.row.hidden) this.range.focus({ preventScroll: true });
  }
  /** Arrows move the moment (with Shift the stretch), up and down go from spike to spike, + - 0 zoom, Escape ends. */
  key(event) {
    const { looking } = this, { key, shiftKey: shift, target } = event;
    if (event.ctrlKey || event.metaKey || event.altKey || !looking.frame || this.row.hidden) return;
    const onRange = target === this.range;
    const raster = looking.frame.panels.find(({ kind }) => kind === "raster");
    const move = (share) => (shift ? (looking.pan(share < 0 ? -0.2 : 0.2), this.zoomed()) : this.#moved(() => looking.step(share)));
    const jump = (way) => {
      const start = looking.moment ?? (way > 0 ? looking.look.from - 1e-3 : looking.look.to);
      const found = spikeBeside(raster, looking.frame, start, way);
      if (!found) return;
      this.#moved(() => looking.place(found.t, spikeWords(found)));
      looking.follow();
      this.zoomed();
    };
    const acts = {
      "+": () => this.#zoom(0.5), "=": () => this.#zoom(0.5), "-": () => this.#zoom(2), "_": () => this.#zoom(2),
      0: () => this.#whole(), Home: () => this.#whole(),
      Escape: () => this.#moved(() => looking.place(null)),
      ...(onRange ? {
        ArrowLeft: () => move(-1 / 200), ArrowRight: () => move(1 / 200), PageDown: () => move(-0.1), PageUp: () => move(0.1),
        End: () => this.#moved(() => looking.place(looking.look.to)),
        ArrowUp: () => (raster ? jump(1) : move(1 / 200)), ArrowDown: () => (raster ? jump(-1) : move(-1 / 200)),
      } : {}),
    };
    if (!(key in acts)) return;
    event.preventDefault();
    event.stopPropagation();
    acts[key]();
  }
  start() {
    const { looking } = this, { look } = looking, still = matchMedia(REDUCED).matches;
    const t = looking.moment;
    if (t === null || t < look.from || t >= Math.min(look.to, looking.frame.end)) looking.place(look.from);
    looking.point(null);
    let last = performance.now();
    const run = () => {
      const now = performance.now(), { from, to } = looking.look, end = Math.min(to, looking.frame.end);
      const share = still ? 1 / JUMPS : (now - last) / 1000 / PLAY;
      const next = Math.min(end, (looking.moment ?? from) + share * (to - from));
      last = now;
      looking.place(next);
      this.changed();
      if (next >= end) this.pause();
    };
    this.timer = setInterval(run, still ? 500 : 33);
    this.play.textContent = "Pause";
    this.changed();
  }
  pause() {
    clearInterval(this.timer);
    this.timer = 0;
    this.play.textContent = "Replay";
  }
  /** Show where the moment and the stretch are. */
  show() {
    const { looking } = this, { frame, look, moment } = looking;
    this.row.hidden = !frame?.panels.some(isTimed);
    if (this.row.hidden) return;
    this.play.hidden = pictureOf(frame.panels) === null || this.live;
    const at = moment ?? Math.min(look.to, frame.end);
    Object.assign(this.range, { min: frame.origin + look.from, max: frame.origin + look.to, value: frame.origin + at });
    const text = moment === null ? "no moment chosen" : momentWords(frame, moment, looking.pointed === null ? looking.picked : "");
    this.range.setAttribute("aria-valuetext", text);
    this.words.textContent = moment === null ? "" : text;
    this.all.disabled = this.out.disabled = !looking.zoomed;
  }
}
