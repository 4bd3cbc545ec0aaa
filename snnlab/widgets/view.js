// The view in a page: frames and words in, a picture and messages out. Who computes the frames, and how they come, is
// the host's affair (a kernel's in widget.js, a worker's on a published page). The drawing is draw.js.

function make(tag, attributes, parent) {
  const element = document.createElement(tag);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  parent.append(element);
  return element;
}

const FIRST = { state: "loading", text: "", note: "", error: "", stale: false, progress: 0 };

/**
 * Fill the element `holder` with a view. `host` is `{name, send(message)}`, and where it wants to know the element that
 * carries the attributes data-snnlab, data-state and data-frame (the explorer around the view, else `holder`),
 * `attached(root)`. Messages are {drawn: serial} and {start: [x, y]}. What it gives changes the view:
 * `frame(header, bytes)`, `status(status)`, `pinned(header, bytes)` with null to unpin, `gone(sentence)` when nobody
 * computes any more ("" when somebody does again), `remove()`; `picture(kind)` promises a Blob, "png" or "svg".
 */
export function mount(holder, host) {
  holder.classList.add("snnlab-view");
  const frameBox = make("div", { class: "snnlab-frame" }, holder);
  const canvas = make("canvas", { role: "img", "aria-label": "no run yet" }, frameBox);
  const overlay = document.createElementNS(SVG, "svg");
  overlay.setAttribute("class", "snnlab-overlay");
  overlay.setAttribute("aria-hidden", "true");
  frameBox.append(overlay);
  const tip = make("span", { class: "snnlab-tip", "aria-hidden": "true" }, frameBox);
  const note = make("span", { class: "snnlab-note" }, frameBox);
  const looking = new Looking();
  const tools = new Tools(holder, looking, { changed: () => paintMoment(), zoomed: () => stretched() });
  const label = make("p", { class: "snnlab-pinned" }, holder);
  const progress = make("progress", { max: "1", value: "0", "aria-label": "progress of the run" }, holder);
  const summary = make("p", { class: "snnlab-summary", "aria-live": "polite", "aria-atomic": "true" }, holder);
  const speed = make("p", { class: "snnlab-speed" }, holder);
  const error = make("p", { class: "snnlab-error", role: "alert" }, holder);

  const memory = {}, latency = new Latency();
  let present = FIRST, root = null, frame = null, pinned = null, theme = null, lost = "", broken = "";
  let drawn = 0, waiting = 0, quiet = 0, unanswered = false, selection = null, hit = null;
  const aborter = new AbortController(), { signal } = aborter;

  const area = () => ({ x: 0, y: 0, w: canvas.clientWidth, h: canvas.clientHeight });
  const scene = () => ({ frame, pinned, theme: (theme ??= themeOf(frameBox)), memory, look: looking.look });

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

  // ---- words ------------------------------------------------------------------------------------------------

  function showStatus() {
    const { state, note: words, text, stale, speed: factor } = present;
    for (const element of [root, holder]) if (element) element.dataset.state = lost ? "error" : state;
    root?.toggleAttribute("data-gone", Boolean(lost));
    holder.toggleAttribute("data-stale", Boolean(stale || lost));
    holder.dataset.mode = present.mode ?? "run";
    tools.live = present.mode === "live";
    note.textContent = words;
    const wrong = lost || broken || present.error;
    if (error.textContent !== wrong) error.textContent = wrong;
    progress.value = present.progress;
    if (summary.textContent !== text) summary.textContent = text;
    summary.setAttribute("aria-busy", "true"); // a screen reader hears the line once a drag is over
    clearTimeout(quiet);
    quiet = setTimeout(() => summary.setAttribute("aria-busy", "false"), 600);
    speed.textContent = factor > 0 ? `${Number(factor.toPrecision(2))} times real time` : "";
    describe();
  }

  function describe() {
    const { text, note: words, stale } = present;
    const what = frame ? frame.panels.map((panel) => panel.alt).join("; ") : "no run yet";
    const beside = pinned ? `; beside it, in grey, ${pinned.label || "a pinned run"}` : "";
    const state = lost || (stale && words) ? ` (${lost || words})` : "";
    canvas.setAttribute("aria-label", `${host.name}: ${what}${beside}. ${text}${state}`);
  }

  /** Whether `act` worked; what it raised is said under the picture. */
  function tried(act) {
    const before = broken;
    broken = "";
    try {
      act();
      return true;
    } catch (problem) {
      broken = `The picture could not be drawn: ${problem.message}`;
      console.error(problem);
      return false;
    } finally {
      if (broken !== before) showStatus();
    }
  }

  // ---- the picture ------------------------------------------------------------------------------------------

  function paint() {
    waiting = 0;
    if (!frame || !canvas.width) return;
    const began = performance.now();
    theme = themeOf(frameBox);
    tried(() => draw(canvas, scene()));
    if (root) root.dataset.draw = (performance.now() - began).toFixed(1);
    if (unanswered) answer();
    paintMoment();
  }

  /** What lies over the picture; cheap enough for every move of a pointer. */
  function paintMoment() {
    if (!frame || !looking.look) return;
    tried(() => {
      drawOverlay(overlay, area(), scene(), looking.moment, { selection, hit });
      tools.show();
    });
  }

  /** Another stretch is looked at. */
  function stretched() {
    tools.show();
    repaint();
  }

  function repaint() {
    if (!waiting) waiting = requestAnimationFrame(paint);
  }

  function answer() {
    unanswered = false;
    host.send({ drawn: frame.serial });
    const serial = frame.serial, positions = frame.positions ?? {};
    setTimeout(() => { // runs after the browser has put the frame on the screen
      drawn += 1;
      if (!root || frame.serial !== serial) return;
      const event = latency.answered(positions);
      if (event !== null) root.dataset.latency = (performance.now() - event).toFixed(1);
      root.dataset.frame = String(drawn);
    });
  }

  function take(header, bytes) {
    let next = null;
    if (!tried(() => (next = decode(header, bytes)))) return;
    frame = next;
    looking.take(frame);
    hit = null;
    showTip(null);
    frameBox.dataset.picture = pictureOf(frame.panels)?.kind ?? "";
    canvas.toggleAttribute("data-startable", frame.panels.some((panel) => panel.startable));
    canvas.toggleAttribute("data-timed", frame.panels.some(isTimed));
    unanswered = true;
    describe();
    if (document.hidden) answer(); // a hidden page paints nothing; it must not hold up the kernel
    else repaint();
  }

  function pin(header, bytes) {
    if (!tried(() => (pinned = header?.arrays ? decode(header, bytes) : null))) pinned = null;
    label.textContent = pinned ? pinned.label || "a pinned run" : "";
    describe();
    repaint();
  }

  // ---- hands ------------------------------------------------------------------------------------------------

  function showTip(text, x = 0, y = 0) {
    tip.textContent = text ?? "";
    if (!text) return;
    const right = x > canvas.clientWidth / 2;
    Object.assign(tip.style, { left: right ? "" : `${x + 14}px`, right: right ? `${canvas.clientWidth - x + 14}px` : "", top: `${Math.max(0, y - 30)}px` });
  }

  const see = () => frame && looking.look && { scene: scene(), boxes: placed(frame.panels, area()).boxes };
  let starting = null, frameOfStart = 0;
  const hands = listen(canvas, see, {
    point(found, x, y) {
      hit = found;
      looking.point(found?.t ?? null);
      const when = found?.t === undefined ? "" : `${Number((frame.origin + found.t).toFixed(1))} ms`;
      showTip(found && [when, found.text].filter(Boolean).join(": "), x, y);
      canvas.toggleAttribute("data-axis", Boolean(found?.axis && looking.zoomed));
      paintMoment();
    },
    choose(found) {
      tools.pause();
      if (found?.t !== undefined) looking.place(found.spike?.t ?? found.t, found.spike ? spikeWords(found.spike) : "");
      tools.focus();
      paintMoment();
    },
    drawn(rectangle) {
      selection = rectangle;
      showTip(null);
      paintMoment();
    },
    select({ x, w, y, h, box, tall, panel }) {
      const { t } = timeScale(box, looking.look), { low, high } = looking.look;
      const share = (at) => high - ((at - box.y) / box.h) * (high - low);
      const rows = tall && panel.kind === "raster" ? [share(y + h), share(y)] : null;
      if (w >= SLIP) looking.between(t(x), t(x + w));
      if (rows) looking.rows(...rows);
      tools.focus();
      stretched();
    },
    pan: (share) => (looking.pan(share), stretched()),
    zoom: (factor, t) => (looking.zoom(factor, t), stretched()),
    whole: () => (looking.whole(), stretched()),
    start(state, last) { // while it is dragged one a drawn frame at most; the last at once
      const send = () => {
        cancelAnimationFrame(frameOfStart);
        frameOfStart = 0;
        host.send({ start: starting });
      };
      starting = state;
      if (last) send();
      else frameOfStart ||= requestAnimationFrame(send);
    },
  }, signal);
  tools.row.addEventListener("keydown", (event) => event.key === "Escape" && hands.dropped(), { signal });

  // ---- the page around --------------------------------------------------------------------------------------

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
  for (const query of ["(prefers-color-scheme: dark)", "(forced-colors: active)"]) {
    matchMedia(query).addEventListener("change", repaint, { signal });
  }
  document.addEventListener("visibilitychange", () => {
    cancelAnimationFrame(waiting); // a page in the background may have dropped it
    waiting = 0;
    if (!document.hidden) repaint();
    else if (unanswered) answer();
  }, { signal });

  connect();
  showStatus();
  return {
    frame: take,
    pinned: pin,
    status(status) {
      present = { ...FIRST, ...status };
      showStatus();
    },
    gone(sentence) {
      if (sentence === lost) return;
      lost = sentence;
      if (lost) tools.pause();
      showStatus();
    },
    async picture(kind) {
      if (!frame) throw new Error("there is no picture yet");
      const said = { title: host.name, text: present.text, label: pinned?.label };
      return pictureBlob(kind, scene(), area(), said, looking.cursor === null ? null : looking.moment);
    },
    remove() {
      aborter.abort();
      tools.pause();
      for (const observer of [resized, restyled]) observer.disconnect();
      cancelAnimationFrame(waiting);
      clearTimeout(quiet);
      holder.replaceChildren();
    },
  };
}
