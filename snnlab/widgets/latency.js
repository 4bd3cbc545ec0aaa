// From the touch of a control to the frame that answers it, in ms.

/** How far a slider stands along its track, 0 to 1: of the page's own, or of the widgets' (noUiSlider). */
function position(control) {
  const range = control.querySelector("input[type=range]") ?? (control.matches("input[type=range]") ? control : null);
  if (range) return (range.value - range.min) / (range.max - range.min);
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
