// What moves over a picture without its being drawn anew: the moment in all panels, a selection, words at the pointer.

/** What lies under a point of the canvas: the panel with its box, null beside all. The strip of the time axis counts. */
function panelAt(boxes, panels, x, y) {
  for (const [i, panel] of panels.entries()) {
    const box = boxes[i], below = isTimed(panel) ? MARGIN.gap : 0;
    if (x < box.x || x > box.x + box.w || y < box.y || y > box.y + box.h + below) continue;
    return { panel, box, axis: y > box.y + box.h };
  }
  return null;
}

const place = (values) => `(${values.map((value) => Number(value.toPrecision(3))).join(", ")})`;

/** What a plane has under a point: a fixed point and its kind, else the state. */
function planeWords(box, panel, x, y) {
  const { at, from } = placing(box, panel);
  const near = panel.points.find(({ state }) => Math.hypot(at(...state)[0] - x, at(...state)[1] - y) < 9);
  return near ? `${near.kind} ${place(near.state)}` : `${panel.axes[0]}, ${panel.axes[1]}: ${place(from(x, y))}`;
}

function mapWords(box, panel, frame, t, y) {
  const { around, angles } = ringAt(panel, frame, t), angle = (0.5 - (y - box.y) / box.h) * 2 * Math.PI;
  if (t > frame.end || !around.length) return "";
  const row = Math.min(around.length - 1, Math.floor(((angle + Math.PI) / (2 * Math.PI)) * around.length));
  const lines = Object.entries(angles).filter(([, each]) => Number.isFinite(each)).map(([name, each]) => `${name} ${each.toFixed(2)}`);
  return [`angle ${angle.toFixed(2)}, activity ${Math.round(100 * around[row])} %`, ...lines].join("; ");
}

/** What there is at a point: `text`, the moment `t` (ms after the origin) of panels over time, and a spike hit. */
export function under(scene, boxes, x, y) {
  const { frame, look } = scene, hit = panelAt(boxes, frame.panels, x, y);
  if (!hit) return null;
  const { panel, box, axis } = hit;
  if (panel.kind === "phase plane") return { ...hit, text: planeWords(box, panel, x, y) };
  if (panel.kind === "psychometric") return { ...hit, ...psychometricAt(box, panel, x) };
  const t = timeScale(box, look).t(x), hits = { ...hit, t, text: "" };
  if (axis) return hits;
  if (panel.kind === "map") return { ...hits, text: mapWords(box, panel, frame, t, y) };
  if (panel.kind !== "raster") return { ...hits, text: t > frame.end ? "" : valuesAt(panel, frame, t) };
  const spike = spikeAt(box, panel, scene, x, y);
  return spike ? { ...hits, spike, text: spikeWords(spike) } : hits;
}

const spikeWords = ({ name, neuron }) => `neuron ${neuron} of ${name}`;

/** "120.3 ms: E 21, I 20 Hz; E.V -52": what all panels over time show at a moment. */
export function momentWords(frame, t, picked = "") {
  const time = `${Number((frame.origin + t).toFixed(1))} ms`;
  if (t > frame.end) return `${time}: not simulated`;
  const parts = frame.panels.map((panel) => {
    if (panel.kind === "rates" || panel.kind === "traces") return valuesAt(panel, frame, t);
    if (panel.kind !== "map") return "";
    const { angles } = ringAt(panel, frame, t);
    return Object.entries(angles).filter(([, each]) => Number.isFinite(each)).map(([name, each]) => `${name} ${each.toFixed(2)} rad`).join(", ");
  });
  return `${time}: ${[picked, ...parts].filter(Boolean).join("; ")}`.replace(/: $/, "");
}

/** Where the run is in a plane at a moment, on each of its paths. */
function onPaths(pen, box, panel, { frame, theme }, t) {
  const { at } = placing(box, panel);
  for (const each of panel.paths) {
    const path = frame.data[each], last = path.length / 2 - 1;
    const i = within(Math.round((t / frame.end) * last), 0, last);
    pen.beginPath();
    pen.arc(...at(path[2 * i], path[2 * i + 1]), panel.paths.length > 1 ? 3 : 5, 0, 2 * Math.PI);
    pen.closePath();
    pen.fillStyle = theme.colours[2];
    pen.fill();
    pen.strokeStyle = theme.text;
    pen.lineWidth = 1.2;
    pen.stroke();
  }
}

/** The moment of a scene, in every panel (`marks` false: only the ring, which has none without a moment). */
export function drawMoment(pen, area, scene, t, marks = true) {
  const { frame, look, theme } = scene, { boxes, picture } = placed(frame.panels, area);
  const ring = pictureOf(frame.panels);
  if (ring?.kind === "ring") drawRing(pen, picture, ring.map, scene, t ?? frame.end);
  if (t === null || !marks) return;
  frame.panels.forEach((panel, i) => {
    const box = boxes[i];
    if (panel.kind === "phase plane") onPaths(pen, box, panel, scene, t);
    if (!isTimed(panel) || t < look.from || t > look.to) return;
    const x = timeScale(box, look).x(t);
    if (panel.kind === "map") line(pen, [[x, box.y], [x, box.y + box.h]], "#ffffff", 3);
    line(pen, [[x, box.y], [x, box.y + box.h]], panel.kind === "map" ? "#1f1f1f" : theme.text, 1.2, [4, 2]);
  });
}

/** Draw all that lies over the picture into an SVG element. */
export function drawOverlay(svg, area, scene, t, { selection, hit }) {
  const pen = new SvgPen(svg), { theme } = scene;
  svg.replaceChildren();
  svg.setAttribute("viewBox", `0 0 ${area.w} ${area.h}`);
  drawMoment(pen, area, scene, t);
  if (selection) {
    pen.beginPath();
    pen.rect(selection.x, selection.y, selection.w, selection.h);
    pen.globalAlpha = 0.18;
    pen.fillStyle = theme.text;
    pen.fill();
    pen.globalAlpha = 1;
    pen.strokeStyle = theme.text;
    pen.lineWidth = 1;
    pen.stroke();
  }
  if (hit?.spike) {
    pen.beginPath();
    pen.arc(hit.spike.x, hit.spike.y, 6, 0, 2 * Math.PI);
    pen.closePath();
    pen.strokeStyle = theme.text;
    pen.lineWidth = 1.5;
    pen.stroke();
  }
}
