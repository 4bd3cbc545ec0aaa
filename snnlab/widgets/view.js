// The view in a page: frames and words in, a picture and messages out. Who computes the frames, and how they come, is
// the host's affair (a kernel's in widget.js, a worker's on a published page). The drawing is draw.js.

function make(tag, attributes, parent) {
  const element = document.createElement(tag);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  parent.append(element);
  return element;
}

/**
 * Fill the element `holder` with a view and give what changes it: `frame(header, bytes)`, `status(status)` and
 * `remove()`. `host` is `{name, send(message)}`, and where it wants to know the element that carries the attributes
 * data-snnlab, data-state and data-frame (the explorer around the view, else `holder`), `attached(root)`.
 */
export function mount(holder, host) {
  holder.classList.add("snnlab-view");
  const frameBox = make("div", { class: "snnlab-frame" }, holder);
  const canvas = make("canvas", { role: "img", "aria-label": "no run yet" }, frameBox);
  const note = make("span", { class: "snnlab-note" }, frameBox);
  const progress = make("progress", { max: "1", value: "0", "aria-label": "progress of the run" }, holder);
  const summary = make("p", { class: "snnlab-summary", "aria-live": "polite", "aria-atomic": "true" }, holder);
  const error = make("p", { class: "snnlab-error", role: "alert" }, holder);

  const memory = {}, latency = new Latency();
  let present = { state: "loading", text: "", note: "", error: "", stale: false, progress: 0 };
  let root = null, frame = null, drawn = 0, waiting = 0, quiet = 0, unanswered = false, broken = "";
  const aborter = new AbortController(), { signal } = aborter;

  function connect() {
    const found = holder.closest(".snnlab-explorer") ?? holder;
    if (found === root || !holder.isConnected) return;
    root = found;
    root.dataset.snnlab = host.name;
    root.dataset.frame = String(drawn);
    for (const type of ["pointerdown", "pointermove", "keydown", "input", "click"]) {
      root.addEventListener(type, (event) => latency.touched(event), { capture: true, passive: true, signal });
    }
    host.attached?.(root);
    showStatus();
  }

  function showStatus() {
    if (root) root.dataset.state = present.state;
    holder.dataset.state = present.state;
    holder.toggleAttribute("data-stale", Boolean(present.stale));
    note.textContent = present.note;
    error.textContent = broken || present.error;
    progress.value = present.progress;
    if (summary.textContent !== present.text) summary.textContent = present.text;
    summary.setAttribute("aria-busy", "true"); // a screen reader hears the line once a drag is over
    clearTimeout(quiet);
    quiet = setTimeout(() => summary.setAttribute("aria-busy", "false"), 600);
    describe();
  }

  function describe() {
    const { text, note: words, stale } = present;
    const what = frame ? frame.panels.map((panel) => panel.alt).join("; ") : "no run yet";
    const state = stale && words ? ` (${words})` : "";
    canvas.setAttribute("aria-label", `${host.name}: ${what}. ${text}${state}`);
  }

  /** Whether `act` worked; what it raised is said under the picture. */
  function tried(act) {
    broken = "";
    try {
      act();
      return true;
    } catch (problem) {
      broken = error.textContent = `The picture could not be drawn: ${problem.message}`;
      console.error(problem);
      return false;
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
    host.send({ drawn: frame.serial });
    const serial = frame.serial, positions = frame.positions;
    setTimeout(() => { // runs after the browser has put the frame on the screen
      drawn += 1;
      if (!root || frame.serial !== serial) return;
      const event = latency.answered(positions);
      if (event !== null) root.dataset.latency = (performance.now() - event).toFixed(1);
      root.dataset.frame = String(drawn);
    });
  }

  function take(header, bytes) {
    if (!tried(() => (frame = decode(header, bytes)))) return;
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
    if (state) host.send({ start: state });
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

  connect();
  showStatus();
  return {
    frame: take,
    status(status) {
      present = { ...present, ...status };
      showStatus();
    },
    remove() {
      aborter.abort();
      for (const observer of [resized, restyled]) observer.disconnect();
      cancelAnimationFrame(waiting);
      clearTimeout(quiet);
      holder.replaceChildren();
    },
  };
}
