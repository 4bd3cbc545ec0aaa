"""The canvas view on a bare page, without a kernel: frames go in, drawings and messages come out."""

import base64

from playwright.sync_api import Page, expect

from snnlab.widgets.view import CanvasView

STATUS = {"state": "ready", "text": "E 20.0 Hz", "note": "", "error": "", "stale": False, "progress": 1.0}

LOAD = """async ([js, css]) => {
  document.head.append(Object.assign(document.createElement("style"), { textContent: css }));
  window.canvas = await import(URL.createObjectURL(new Blob([js], { type: "text/javascript" })));
  window.view = canvas.default;
  window.Model = class {
    constructor(values) { Object.assign(this, { values, listeners: {}, sent: [] }); }
    get(name) { return this.values[name]; }
    on(name, act) { (this.listeners[name] ??= []).push(act); }
    off(name, act) { this.listeners[name] = this.listeners[name].filter((each) => each !== act); }
    send(message) { this.sent.push(message); }
    set(changes) {
      Object.assign(this.values, changes);
      for (const name of Object.keys(changes)) (this.listeners[`change:${name}`] ?? []).forEach((act) => act());
    }
  };
  window.bytes = (text) => new DataView(Uint8Array.from(atob(text), (c) => c.charCodeAt(0)).buffer);
  window.show = (id, name, status) => {
    const model = new Model({ name, status, frame: {}, data: bytes(""), pinned: {}, pinned_data: bytes("") });
    const el = document.createElement("div");
    const stop = view.render({ model, el });
    document.querySelector(id).append(el); // rendered first, attached later: as widget managers do
    return (window.shown ??= {})[id] = { model, stop };
  };
}"""


def prepare(page: Page) -> Page:
    """Give the page two roots, each with a view."""
    page.set_content(
        '<body style="margin:0"><div id="one" class="snnlab-explorer" style="width:800px"></div>'
        '<div id="two" class="snnlab-explorer" style="width:800px"></div></body>'
    )
    page.evaluate(LOAD, [str(CanvasView._esm), str(CanvasView._css)])
    for where in ("#one", "#two"):
        page.evaluate(
            "([id, status]) => void show(id, 'model' + id.slice(1), status)",
            [where, {**STATUS, "state": "loading", "text": ""}],
        )
    return page


def send(page: Page, where: str, frame: tuple, serial: int = 1, **status) -> None:
    header, data = frame
    page.evaluate(
        "([id, frame, data, status]) => shown[id].model.set({ frame, data: bytes(data), status })",
        [where, {**header, "serial": serial}, base64.b64encode(data).decode(), {**STATUS, **status}],
    )


def pin(page: Page, where: str, frame: tuple | None, label: str = "pinned") -> None:
    header, data = ({**frame[0], "label": label}, frame[1]) if frame else ({}, b"")
    page.evaluate(
        "([id, pinned, data]) => shown[id].model.set({ pinned, pinned_data: bytes(data) })",
        [where, header, base64.b64encode(data).decode()],
    )


def frames(page: Page, where: str, count: int) -> None:
    expect(page.locator(where)).to_have_attribute("data-frame", str(count), timeout=5000)
