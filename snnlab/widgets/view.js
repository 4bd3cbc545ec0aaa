// The canvas view in a page: what the kernel says, shown, and what hands and browsers do to it. The drawing is draw.js.

function make(tag, attributes, parent) {
  const element = document.createElement(tag);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  parent.append(element);
  return element;
}

const PREFIX = { "snnlab-parameter-": "data-parameter", "snnlab-action-": "data-action" };

/** ipywidgets can put a class on a control but no attribute: turn the classes into the attributes they stand for. */
function label(root) {
  for (const [prefix, attribute] of Object.entries(PREFIX)) {
    for (const element of root.querySelectorAll(`[class*="${prefix}"]`)) {
      const name = [...element.classList].find((each) => each.startsWith(prefix));
      if (name && !element.hasAttribute(attribute)) element.setAttribute(attribute, name.slice(prefix.length));
    }
  }
  for (const handle of root.querySelectorAll("[data-parameter] .noUi-handle:not([aria-label])")) {
    const words = handle.closest("[data-parameter]").querySelector("label")?.textContent;
    if (words) handle.setAttribute("aria-label", words);
  }
  const more = root.querySelector("button[data-action=more]");
  if (more) more.setAttribute("aria-expanded", String(more.classList.contains("mod-active")));
}

/** How far a slider's handle stands along its track, 0 to 1. */
function position(control) {
  const handle = control.querySelector(".noUi-handle")?.getBoundingClientRect();
  const track = control.querySelector(".noUi-base")?.getBoundingClientRect();
  return handle && track.width ? ((handle.left + handle.right) / 2 - track.left) / track.width : null;
}

/** When controls were touched, to find the time from an event to the frame that answers it. */
class Latency {
  events = [];
  touched(event) {
    const control = event.target.closest?.("[data-parameter], [data-action]");
    if (!control || (event.type === "pointermove" && !event.buttons)) return;
    const entry = { t: event.timeStamp, name: control.dataset.parameter, at: null };
    this.events.push(entry);
    if (this.events.length > 500) this.events.shift();
    setTimeout(() => (entry.at = position(control))); // after the slider has moved its handle
  }
  /** The event this frame answers: the first that put its slider where the frame's run had it; else the last. */
  answered(positions) {
    let found = null;
    for (let i = this.events.length - 1; i >= 0; i--) {
      const { name, at } = this.events[i];
      const same = at !== null && name in positions && Math.abs(positions[name] - at) < 2e-3;
      if (same) found = i;
      else if (found !== null) break;
    }
    if (found === null && this.events.at(-1)?.at === null) found = this.events.length - 1;
    if (found === null) return null;
    const { t } = this.events[found];
    this.events.splice(0, found + 1);
    return t;
  }
}

function render({ model, el }) {
  const holder = make("div", { class: "snnlab-view" }, el);
  const frameBox = make("div", { class: "snnlab-frame" }, holder);
  const canvas = make("canvas", { role: "img", "aria-label": "no run yet" }, frameBox);
  const note = make("span", { class: "snnlab-note" }, frameBox);
  const progress = make("progress", { max: "1", value: "0", "aria-label": "progress of the run" }, holder);
  const summary = make("p", { class: "snnlab-summary", "aria-live": "polite", "aria-atomic": "true" }, holder);
  const error = make("p", { class: "snnlab-error", role: "alert" }, holder);

  const memory = {}, latency = new Latency();
  let root = null, frame = null, drawn = 0, waiting = 0, quiet = 0, unanswered = false, broken = "";
  const aborter = new AbortController(), { signal } = aborter;
  const labels = new MutationObserver(() => root && label(root));

  function connect() {
    const found = el.closest(".snnlab-explorer") ?? holder;
    if (found === root || !el.isConnected) return;
    root = found;
    root.dataset.snnlab = model.get("name");
    root.dataset.frame = String(drawn);
    for (const type of ["pointerdown", "pointermove", "keydown", "input", "click"]) {
      root.addEventListener(type, (event) => latency.touched(event), { capture: true, passive: true, signal });
    }
    labels.observe(root, { childList: true, subtree: true, attributes: true, attributeFilter: ["class"] });
    label(root);
    showStatus();
  }

  function showStatus() {
    const status = model.get("status");
    if (root) root.dataset.state = status.state;
    holder.dataset.state = status.state;
    holder.toggleAttribute("data-stale", Boolean(status.stale));
    note.textContent = status.note;
    error.textContent = broken || status.error;
    progress.value = status.progress;
    if (summary.textContent !== status.text) summary.textContent = status.text;
    summary.setAttribute("aria-busy", "true"); // a screen reader hears the line once a drag is over
    clearTimeout(quiet);
    quiet = setTimeout(() => summary.setAttribute("aria-busy", "false"), 600);
    describe();
  }

  function describe() {
    const { text, note: words, stale } = model.get("status");
    const what = frame ? frame.panels.map((panel) => panel.alt).join("; ") : "no run yet";
    const state = stale && words ? ` (${words})` : "";
    canvas.setAttribute("aria-label", `${model.get("name")}: ${what}. ${text}${state}`);
  }

  function tried(act) {
    broken = "";
    try {
      act();
    } catch (problem) {
      broken = error.textContent = `The picture could not be drawn: ${problem.message}`;
      console.error(problem);
    }
  }

  function paint() {
    waiting = 0;
    if (!frame) return;
    const began = performance.now();
    tried(() => draw(canvas, frame, themeOf(frameBox), memory));
    if (root) root.dataset.draw = (performance.now() - began).toFixed(1);
    if (unanswered) answer();
  }

  function answer() {
    unanswered = false;
    model.send({ drawn: frame.serial });
    const serial = frame.serial, positions = frame.positions;
    setTimeout(() => { // runs after the browser has put the frame on the screen
      drawn += 1;
      if (!root || frame.serial !== serial) return;
      const event = latency.answered(positions);
      if (event !== null) root.dataset.latency = (performance.now() - event).toFixed(1);
      root.dataset.frame = String(drawn);
    });
  }

  function take() {
    const header = model.get("frame");
    if (!header.serial) return;
    tried(() => (frame = decode(header, model.get("data"))));
    if (frame?.serial !== header.serial) return;
    frameBox.toggleAttribute("data-picture", frame.panels.some((panel) => panel.kind in UNTIMED));
    canvas.toggleAttribute("data-startable", frame.panels.some((panel) => panel.startable));
    unanswered = true;
    describe();
    if (document.hidden) answer(); // a hidden page paints nothing; it must not hold up the kernel
    else repaint();
  }

  /** A click on a phase plane: the run starts there. */
  function start(event) {
    const { left, top } = canvas.getBoundingClientRect();
    const state = frame && stateAt(frame, canvas.clientWidth, canvas.clientHeight, event.clientX - left, event.clientY - top);
    if (state) model.send({ start: state });
  }
  canvas.addEventListener("click", start, { signal });

  function repaint() {
    if (!waiting) waiting = requestAnimationFrame(paint);
  }

  const resized = new ResizeObserver(() => {
    connect();
    const ratio = window.devicePixelRatio || 1;
    const width = Math.round(frameBox.clientWidth * ratio), height = Math.round(frameBox.clientHeight * ratio);
    if (!width || (canvas.width === width && canvas.height === height)) return;
    [canvas.width, canvas.height] = [width, height];
    if (frame) paint(); // at once: setting the size has cleared the canvas
  });
  resized.observe(frameBox);

  const restyled = new MutationObserver(repaint);
  for (const element of [document.documentElement, document.body]) {
    restyled.observe(element, { attributeFilter: ["class", "data-theme", "data-jp-theme-light", "data-jp-theme-name"] });
  }
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", repaint, { signal });
  document.addEventListener("visibilitychange", repaint, { signal });

  model.on("change:frame", take);
  model.on("change:status", showStatus);
  connect();
  showStatus();
  take();
  return () => {
    aborter.abort();
    for (const observer of [labels, resized, restyled]) observer.disconnect();
    cancelAnimationFrame(waiting);
    clearTimeout(quiet);
    model.off("change:frame", take);
    model.off("change:status", showStatus);
  };
}

export default { render };
