// What hands do to a picture: point, choose a moment, drag out a stretch or a start, move along, turn a wheel.

const SLIP = 4; // pixels; less is a click

/**
 * Listen to a canvas. `see()` gives {scene, boxes} or null, `act` what happens: point(hit, x, y) with null when the
 * pointer has gone, select(rectangle), choose(hit), pan(share), zoom(factor, t),
 * start(state, last), whole(), drawn(rectangle).
 */
function listen(canvas, see, act, signal) {
  let drag = null;
  const on = (type, react, options = {}) => canvas.addEventListener(type, react, { signal, ...options });
  const at = (event) => {
    const { left, top } = canvas.getBoundingClientRect();
    return [event.clientX - left, event.clientY - top];
  };
  const startable = (hit) => hit?.panel.kind === "phase plane" && hit.panel.startable;
  const rectangle = ({ hit, x, y }, [px, py]) => {
    const { box, panel } = hit, end = within(px, box.x, box.x + box.w);
    const high = within(py, box.y, box.y + box.h), tall = panel.kind === "raster" && Math.abs(high - y) > 3 * SLIP;
    return {
      x: Math.min(x, end), w: Math.abs(end - x), y: tall ? Math.min(y, high) : box.y, h: tall ? Math.abs(high - y) : box.h, tall, ...hit,
    };
  };

  on("pointerdown", (event) => {
    const seen = see(), [x, y] = at(event), hit = seen && panelAt(seen.boxes, seen.scene.frame.panels, x, y);
    if (!hit || event.button !== 0) return;
    const kind = startable(hit) ? "start" : isTimed(hit.panel) ? (event.shiftKey || hit.axis ? "pan" : "select") : null;
    drag = kind && { kind, hit, x, y, last: x, moved: false, id: event.pointerId };
  });
  on("pointermove", (event) => {
    const seen = see(), [x, y] = at(event);
    if (!seen) return;
    if (!drag) {
      act.point(under(seen.scene, seen.boxes, x, y), x, y);
      return;
    }
    if (!drag.moved && Math.hypot(x - drag.x, y - drag.y) < SLIP) return;
    if (!drag.moved) canvas.setPointerCapture(drag.id);
    drag.moved = true;
    if (drag.kind === "pan") act.pan((drag.last - x) / drag.hit.box.w);
    else if (drag.kind === "start") act.start(stateIn(drag.hit, x, y));
    else act.drawn(rectangle(drag, [x, y]));
    drag.last = x;
  });
  on("pointerup", (event) => {
    const seen = see(), [x, y] = at(event), was = drag;
    drag = null;
    if (!was || !seen) return;
    act.drawn(null);
    if (was.kind === "start") act.start(stateIn(was.hit, x, y), true);
    else if (!was.moved) act.choose(under(seen.scene, seen.boxes, x, y));
    else if (was.kind === "select") act.select(rectangle(was, [x, y]));
  });
  const dropped = () => {
    drag = null;
    act.drawn(null);
    act.point(null);
  };
  on("pointercancel", dropped);
  on("pointerleave", () => drag || act.point(null));
  on("dblclick", (event) => {
    const seen = see(), hit = seen && panelAt(seen.boxes, seen.scene.frame.panels, ...at(event));
    if (hit && isTimed(hit.panel)) act.whole();
  });
  on("wheel", (event) => { // alone it scrolls the page
    const seen = see(), hit = seen && panelAt(seen.boxes, seen.scene.frame.panels, ...at(event));
    if (!hit || !isTimed(hit.panel) || !(event.ctrlKey || event.metaKey || event.altKey)) return;
    event.preventDefault();
    act.zoom(1.0015 ** event.deltaY, timeScale(hit.box, seen.scene.look).t(at(event)[0]));
  }, { passive: false });
  return { dropped };
}

/** The state of a plane under a point of the canvas, at its edge where the point is outside. */
function stateIn({ panel, box }, x, y) {
  return placing(box, panel).from(within(x, box.x, box.x + box.w), within(y, box.y, box.y + box.h));
}
