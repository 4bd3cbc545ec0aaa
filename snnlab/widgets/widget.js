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
  const more = root.querySelector("button[data-action=more]");
  if (more) more.setAttribute("aria-expanded", String(more.classList.contains("mod-active")));
}

function render({ model, el }) {
  let root = null;
  const labels = new MutationObserver(() => label(root));
  const view = mount(make("div", {}, el), {
    name: model.get("name"),
    send: (message) => model.send(message),
    attached(explorer) {
      root = explorer;
      labels.observe(root, { childList: true, subtree: true, attributes: true, attributeFilter: ["class"] });
      label(root);
    },
  });
  const take = () => model.get("frame").serial && view.frame(model.get("frame"), model.get("data"));
  const tell = () => view.status(model.get("status"));
  model.on("change:frame", take);
  model.on("change:status", tell);
  tell();
  take();
  return () => {
    model.off("change:frame", take);
    model.off("change:status", tell);
    labels.disconnect();
    view.remove();
  };
}

export default { render };
