// An explorer on a page: settings, controls, the runner and the canvas view. What it says and does is what
// widgets/explorer.py says and does; there is no kernel behind it.

const LIVE = 250; // ms; where a run takes longer, a slider waits for the Run button
const VISIBLE = 4; // controls above "More" where nobody chose
const CUSTOM = "(custom values)";

export class Explorer {
  /** In place of what `holder` shows. `failed(words)` hears why there can be no explorer. */
  constructor(holder, { manifest, sizes = [], ...builds }, failed) {
    Object.assign(this, { holder, manifest, failed, state: "loading", words: "", summary: "", problem: "", progress: 0 });
    this.astray = ""; // why the page's link was not followed; said until a hand changes something
    this.name = manifest.model;
    this.settings = new Settings(manifest, sizes.map((each) => each.manifest));
    this.serial = 0;
    this.recorded = null; // the values of the picture
    this.kept = null; // the frame of the last run that worked
    this.perMs = null; // computing time of one ms of model time
    this.arrange();
    this.view = mount(this.picture, { name: this.name, send: (message) => this.answered(message) });
    this.runner = new Runner({ manifest, sizes, ...builds }, () => this.begin(), (message, given) => this.hear(message, given));
    this.followLink();
    addEventListener("hashchange", () => this.followLink(true));
    this.show();
    this.runner.request();
  }

  // ---- controls -----------------------------------------------------------------------------------------------

  arrange() {
    const { manifest, settings } = this, all = [...settings.parameters.values()];
    this.controls = new Map(all.map((each) => [each.name, new Control(each, settings.held[each.name], (name, value) => this.gesture(() => this.set({ [name]: value })))]));
    const chosen = (manifest.visible ?? []).filter((name) => settings.names.includes(name));
    const first = [...(chosen.length ? chosen : settings.names.slice(0, VISIBLE)), "duration", "seed"];
    this.folded = [...this.controls.keys()].filter((name) => !first.includes(name));
    this.run = button("run", "Run", "run with these values", () => this.runner.request());
    const buttons = [
      this.run,
      button("stop", "Stop", "end the run after its present chunk", () => this.stop()),
      button("reset", "Reset", "back to the first values", () => this.gesture(() => this.set(settings.start))),
      button("seed", "New seed", "another network", () => this.gesture(() => this.newSeed())),
      (this.pin = button("pin", "Pin", "keep this picture beside the next ones", () => this.togglePin())),
      menu("export", "Export", "save the picture, the data or the settings", exportsOf(this)),
      button("code", "Show code", "Python that builds and runs the same", () => this.toggleCode()),
      button("link", "Copy link", "a link that opens these values", () => this.copyLink()),
    ];
    this.code = element("pre", { class: "snnlab-code", tabindex: 0, "aria-label": "Python code", hidden: true });
    this.said = element("p", { class: "snnlab-said", role: "status" });
    this.more = button("more", "More", "the other parameters", () => this.toggleMore());
    this.more.setAttribute("aria-expanded", "false");
    this.hidden = element("div", { class: "snnlab-more", hidden: true }, ...this.folded.map((name) => this.controls.get(name).element));
    this.picture = element("div", { class: "snnlab-picture" });
    const controls = element("div", { class: "snnlab-controls" },
      element("div", { class: "snnlab-buttons" }, ...buttons), ...this.presetChoice(),
      ...first.map((name) => this.controls.get(name).element), ...(this.folded.length ? [this.more, this.hidden] : []));
    this.root = element("div", { class: "snnlab-explorer snnlab-native", "data-snnlab": this.name, "data-state": "loading", role: "group", "aria-label": `explorer of ${this.name}` },
      element("div", { class: "snnlab-body" }, controls, this.picture), this.said, this.code);
  }

  presetChoice() {
    const { presets } = this.settings;
    if (!Object.keys(presets).length) return [];
    this.choice = element("select", { onchange: () => this.choose(this.choice.value) }, element("option", {}, CUSTOM));
    for (const preset of Object.keys(presets)) {
      const barred = this.settings.barred(preset);
      this.choice.append(element("option", { disabled: Boolean(barred), title: barred || null }, preset));
    }
    const label = element("label", {}, element("span", {}, "preset"), this.choice);
    return [element("div", { class: "snnlab-control", "data-action": "preset" }, label)];
  }

  // ---- values -------------------------------------------------------------------------------------------------

  set(values) {
    this.astray = "";
    this.settings.update(values);
    this.follow();
  }

  newSeed() {
    this.set({ seed: 1 + (crypto.getRandomValues(new Uint32Array(1))[0] % 99_999) });
  }

  choose(preset) {
    if (preset !== CUSTOM) this.gesture(() => this.set(this.settings.defaults(preset)));
  }

  /** Do what a hand asked for; a wrong value is said in place. */
  gesture(act) {
    try {
      act();
    } catch (error) {
      [this.problem, this.state] = [error.message, "error"];
    }
    this.show();
  }

  /** Let the picture follow the values: run where a run is short, else ask for the Run button. */
  follow() {
    this.problem = "";
    if (this.live && (this.runner.busy || !this.current)) {
      this.runner.request();
      return;
    }
    if (!this.runner.busy) {
      this.state = this.recorded ? "ready" : "loading";
      this.words = this.stale ? "" : this.summary;
    }
  }

  get live() {
    return this.perMs === null || this.perMs * this.settings.values.duration <= LIVE;
  }

  get current() {
    return this.recorded !== null && this.settings.same(this.recorded);
  }

  /** Whether the picture was made with other values than the present ones. */
  get stale() {
    return this.recorded !== null && !this.current;
  }

  // ---- running ------------------------------------------------------------------------------------------------

  begin() {
    const { values } = this.settings, positions = {};
    for (const { name, scale } of this.controls.values()) if (scale) positions[name] = scale.fraction(values[name]);
    this.state = this.recorded ? "running" : "loading";
    [this.progress, this.problem] = [0, this.astray];
    if (!this.recorded) this.words = "running ...";
    this.show();
    return { values: { ...values }, duration: values.duration, dt: values.dt, seed: values.seed, positions };
  }

  stop() {
    this.runner.stop();
    if (this.runner.busy) this.words = "stopping ...";
    this.show();
  }

  hear(message, given) {
    if (message.ready) this.root.dataset.build = message.ready;
    else if (message.table) saveTable(this, message);
    else if (message.broken) this.giveUp(message.broken);
    else if (message.failed) this.blewUp(message.failed, given);
    else this.take(message, given);
    this.show();
  }

  take({ frame, data, finished, fraction, stopped, elapsed, summary }, { values }) {
    const { duration } = values, part = `${general(frame.end)} of ${general(duration)} ms`;
    if (!this.root.isConnected) this.enter();
    this.progress = fraction;
    this.words = `running: ${part}`;
    this.perMs = elapsed / Math.max(frame.end, frame.dt);
    if (finished) {
      this.recorded = values;
      this.state = this.runner.busy ? "running" : this.problem ? "error" : "ready";
      this.summary = summary.words;
      this.measured = summary;
      this.words = stopped && fraction < 1 ? `stopped after ${part}. ${summary.words}` : summary.words;
      this.root.dataset.elapsed = elapsed.toFixed(1);
    }
    if (finished) this.kept = { frame, data };
    this.draw({ frame, data });
  }

  draw({ frame, data }) {
    this.view.status(this.status);
    this.view.frame({ ...frame, serial: (this.serial += 1) }, data);
  }

  blewUp(words, { values }) {
    const changed = this.settings.changed().map((name) => `${name} = ${general(values[name])}`).join(", ");
    const ended = /[.!?]$/.test(words) ? words : `${words[0].toUpperCase()}${words.slice(1)}.`;
    this.problem = `${ended} Values: ${changed || "the defaults"}.`;
    [this.state, this.words] = ["error", ""];
    if (!this.root.isConnected) this.enter();
    if (this.kept) this.draw(this.kept); // not what the failed run had shown so far
  }

  giveUp(words) {
    if (!this.root.isConnected) return this.failed(words);
    this.view.gone(`The explorer has stopped: ${words}. Reload the page to go on.`);
    for (const control of this.root.querySelectorAll("input, select, [data-action=run]")) control.disabled = true;
  }

  /** The view says something: a frame was drawn, or a click chose a start. */
  answered({ drawn, start }) {
    if (drawn !== undefined) this.runner.drawn();
    const names = this.manifest.plane?.variables.map((name) => `${name}_0`) ?? [];
    if (!start || !names.every((name) => this.settings.parameters.has(name))) return;
    const within = (value, { low, high }) => Number(Math.min(Math.max(value, low ?? -Infinity), high ?? Infinity).toFixed(3));
    this.gesture(() => this.set(Object.fromEntries(names.map((name, k) => [name, within(start[k], this.settings.parameters.get(name))]))));
  }

  // ---- what is shown ------------------------------------------------------------------------------------------

  /** The explorer takes the place of the executed picture. */
  enter() {
    this.holder.replaceChildren(this.root);
  }

  get status() {
    let note = "";
    if (this.stale && this.state === "error") note = "the last run that worked, with other values";
    else if (this.stale && this.state === "ready") note = "not of these values: press Run";
    const { state, words: text, problem: error, progress } = this;
    return { state, text, note, error, stale: this.stale && note !== "", progress };
  }

  show() {
    const { settings } = this;
    for (const [name, control] of this.controls) control.show(settings.values[name]);
    if (this.choice) this.choice.value = settings.preset ?? CUSTOM;
    const changed = settings.changed().filter((name) => this.folded.includes(name)).length;
    this.more.textContent = changed ? `More (${changed} changed)` : "More";
    this.run.classList.toggle("snnlab-glow", this.stale && !this.live);
    if (!this.code.hidden) this.code.textContent = settings.code();
    this.view.status(this.status);
  }

  toggleMore() {
    this.hidden.hidden = !this.hidden.hidden;
    this.more.setAttribute("aria-expanded", String(!this.hidden.hidden));
  }

  toggleCode() {
    this.code.hidden = !this.code.hidden;
    this.show();
  }

  /** Keep the present picture under the next ones, or take it away again. */
  togglePin() {
    const pinned = this.pin.getAttribute("aria-pressed") === "true";
    if (!pinned && !this.kept) return;
    this.pin.setAttribute("aria-pressed", String(!pinned));
    this.pin.textContent = pinned ? "Pin" : "Unpin";
    if (pinned) return this.view.pinned(null);
    const told = (name) => `${name} ${general(this.recorded[name])} ${this.settings.parameters.get(name).unit}`.trim();
    const label = this.settings.changed().map(told).join(", ") || "the defaults";
    this.view.pinned({ ...this.kept.frame, label: `pinned: ${label}` }, this.kept.data);
  }

  tell(words) {
    this.said.textContent = words;
    clearTimeout(this.silence);
    this.silence = setTimeout(() => (this.said.textContent = ""), 6000);
  }

  async copyLink() {
    const link = this.settings.link();
    try {
      history.replaceState(null, "", link);
    } catch { // where a page has no origin of its own, such as a file's
      location.hash = link;
    }
    try {
      await navigator.clipboard.writeText(location.href);
      this.tell("The link is on the clipboard.");
    } catch {
      this.tell("The link is in the address bar.");
    }
  }

  /** Take the values of the page's own address, if they are meant for this explorer. */
  followLink(moved = false) {
    try {
      const link = linked(location.hash);
      if (link?.model !== this.name || this.holder !== firstOf(this.name)) return;
      this.astray = "";
      this.settings.follow(location.hash);
    } catch (error) {
      this.astray = this.problem = `The link was not followed. ${error.message}`;
      this.state = "error";
    }
    if (moved && !this.astray) this.follow();
    this.show();
  }
}
