// The view as a widget: the kernel is its host. anywidget calls `render` for every copy of it that a notebook shows.

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
  for (const field of root.querySelectorAll(":is(select, input, textarea):not([aria-label])")) {
    const named = [...(field.labels ?? [])].some((each) => each.textContent.trim() && each.style.display !== "none");
    const words = field.title || (field.closest(".snnlab-code") ? "code" : "");
    if (!named && words) field.setAttribute("aria-label", words);
  }
  for (const fold of root.querySelectorAll("button.widget-toggle-button[data-action]")) {
    fold.setAttribute("aria-expanded", String(fold.classList.contains("mod-active")));
  }
}

const NO_KERNEL = "No kernel is connected: the picture is of an earlier run. Run the cell again to go on.";
const NO_ANSWER = "The kernel does not answer: it is busy with something else, or has stopped. The picture is of earlier values.";
const PATIENCE = 5000; // ms

/** Whether the kernel is there: Jupyter marks widgets whose kernel has gone, and one that hangs owes an answer. */
class Pulse {
  #timer = 0;
  #asked = 0;
  constructor(el, ask, say) {
    Object.assign(this, { el, ask, say });
  }
  get #cut() {
    return this.el.closest(".jupyter-widgets-disconnected") !== null;
  }
  look() {
    if (this.#cut) this.say(NO_KERNEL);
    else if (!this.#timer) this.say("");
  }
  /** Somebody has touched a control: the kernel must answer within a while. */
  touched() {
    if (this.#timer || this.#cut) return;
    this.#timer = setTimeout(() => this.say(NO_ANSWER), PATIENCE);
    this.ask(++this.#asked);
  }
  /** It has said something. */
  heard() {
    clearTimeout(this.#timer);
    this.#timer = 0;
    this.look();
  }
  stop() {
    clearTimeout(this.#timer);
  }
}

const done = new WeakSet(); // messages that one of several views has seen to

function download(name, type, bytes) {
  const url = URL.createObjectURL(new Blob([bytes], { type }));
  Object.assign(document.createElement("a"), { href: url, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(url), 60_000);
}

async function copy(text) {
  try {
    await navigator.clipboard.writeText(text);
  } catch { // a page without leave, or not of a secure origin
    const box = Object.assign(document.createElement("textarea"), { value: text });
    document.body.append(box);
    box.select();
    document.execCommand("copy");
    box.remove();
  }
}

function render({ model, el }) {
  let root = null, view = null;
  const aborter = new AbortController(), { signal } = aborter;
  const pulse = new Pulse(el, (ping) => model.send({ ping }), (sentence) => view?.gone(sentence));
  const labels = new MutationObserver(() => {
    label(root);
    pulse.look();
  });
  view = mount(make("div", {}, el), {
    name: model.get("name"),
    send: (message) => model.send(message),
    attached(explorer) {
      root = explorer;
      labels.observe(root, { childList: true, subtree: true, attributes: true, attributeFilter: ["class"] });
      for (const type of ["input", "change", "click", "pointerup", "keyup"]) {
        root.addEventListener(type, (event) => event.target.closest?.("[data-parameter], [data-action]") && pulse.touched(), { signal });
      }
      label(root);
      setTimeout(() => pulse.look());
    },
  });
  const heard = {
    "change:frame": () => model.get("frame").serial && view.frame(model.get("frame"), model.get("data")),
    "change:status": () => view.status(model.get("status")),
    "change:pinned": () => view.pinned(model.get("pinned"), model.get("pinned_data")),
    "change:pinned_data": () => view.pinned(model.get("pinned"), model.get("pinned_data")),
    "msg:custom": (message, buffers) => {
      if (done.has(message)) return;
      done.add(message);
      if (typeof message.download === "string") download(message.download, message.type, buffers[0]);
      if (typeof message.copy === "string") copy(message.copy);
    },
  };
  for (const [event, act] of Object.entries(heard)) {
    heard[event] = (...given) => {
      act(...given);
      pulse.heard();
    };
    model.on(event, heard[event]);
    if (event.startsWith("change:")) act();
  }
  return () => {
    for (const [event, act] of Object.entries(heard)) model.off(event, act);
    labels.disconnect();
    aborter.abort();
    pulse.stop();
    view.remove();
  };
}

export default { render };
