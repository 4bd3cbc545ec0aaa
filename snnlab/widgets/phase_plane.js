// The phase plane of a two-variable system: nullclines, flow, separatrix, fixed points and the run as a path.
// One module with draw.js, which draws everything else; the arrays of a curve hold x, y, x, y ...

const FILL = { stable: "full", saddle: "half" }; // of the first word of a kind; any other is open

/** Where a plane's states lie in its box, in CSS pixels. */
function placing(box, panel) {
  const { x, y, w, h } = box;
  const [[left, bottom], [right, top]] = [panel.low, panel.high];
  return {
    at: (a, b) => [x + (w * (a - left)) / (right - left), y + (h * (top - b)) / (top - bottom)],
    from: (px, py) => [left + ((px - x) / w) * (right - left), top - ((py - y) / h) * (top - bottom)],
  };
}

/** The state under a point of the canvas (CSS pixels), null outside of every plane that takes a start. */
export function stateAt(frame, width, height, px, py) {
  const boxes = layout(frame.panels, width, height);
  for (const [i, panel] of frame.panels.entries()) {
    const { x, y, w, h } = boxes[i];
    if (panel.kind !== "phase plane" || !panel.startable) continue;
    if (px >= x && px <= x + w && py >= y && py <= y + h) return placing(boxes[i], panel).from(px, py);
  }
  return null;
}

const pairs = (flat, at) => Array.from({ length: flat.length / 2 }, (_, i) => at(flat[2 * i], flat[2 * i + 1]));

function drawField(context, panel, frame, theme, at, box) {
  const states = frame.data[panel.field.states], flow = frame.data[panel.field.flow];
  const size = (0.62 * Math.min(box.w, box.h)) / panel.field.n;
  context.beginPath();
  for (let i = 0; i < states.length; i += 2) {
    const [x, y] = at(states[i], states[i + 1]);
    const dx = flow[i] * size / 2, dy = -flow[i + 1] * size / 2; // flow has length 1, or 0 where nothing moves
    if (!dx && !dy) continue;
    context.moveTo(x - dx, y - dy);
    context.lineTo(x + dx, y + dy);
    for (const side of [0.45, -0.45]) { // the head
      context.moveTo(x + dx, y + dy);
      context.lineTo(x + 0.35 * dx - side * dy, y + 0.35 * dy + side * dx);
    }
  }
  context.strokeStyle = theme.muted;
  context.globalAlpha = 0.5;
  context.lineWidth = 0.9;
  context.stroke();
  context.globalAlpha = 1;
}

/** The marker of a fixed point: round for nodes and saddles, a diamond for what turns around. */
function marker(context, kind, x, y, theme, r = 5.5) {
  const outline = new Path2D();
  if (/focus|centre/.test(kind)) {
    for (let i = 0; i < 4; i++) outline.lineTo(x + 1.25 * r * Math.cos(i * Math.PI / 2), y + 1.25 * r * Math.sin(i * Math.PI / 2));
    outline.closePath();
  } else outline.arc(x, y, r, 0, 2 * Math.PI);
  const fill = FILL[kind.split(" ")[0]];
  context.fillStyle = fill === "full" ? theme.text : theme.background;
  context.fill(outline);
  if (fill === "half") {
    context.save();
    context.clip(outline);
    context.fillStyle = theme.text;
    context.fillRect(x - 2 * r, y - 2 * r, 2 * r, 4 * r);
    context.restore();
  }
  context.strokeStyle = theme.text;
  context.lineWidth = 1.6;
  context.stroke(outline);
}

function cross(context, x, y, colour) {
  for (const s of [1, -1]) line(context, [[x - 5, y - 5 * s], [x + 5, y + 5 * s]], colour, 2.2);
}

/** Samples and words under the plane, in as many rows as it takes. */
function drawLegend(context, box, theme, entries) {
  context.textAlign = "left";
  context.font = `${theme.size}px ${theme.font}`;
  let x = box.x, y = box.y + box.h + 46;
  for (const [words, sample] of entries) {
    const wide = 30 + context.measureText(words).width;
    if (x > box.x && x + wide > box.edge) [x, y] = [box.x, y + 17];
    sample(x + 11, y);
    context.fillStyle = theme.text;
    context.fillText(words, x + 28, y);
    x += wide + 14;
  }
}

function drawPhasePlane(context, box, panel, frame, theme) {
  const { at } = placing(box, panel);
  const green = theme.colours[2], entries = [];
  const sample = (colour, width, dash) => (x, y) => line(context, [[x - 11, y], [x + 11, y]], colour, width, dash);
  context.save();
  context.beginPath();
  context.rect(box.x, box.y, box.w, box.h);
  context.clip();
  drawField(context, panel, frame, theme, at, box);
  for (const { name, lines, colour } of panel.nullclines) {
    const [shade, dash] = [theme.colours[colour], DASHES[colour]];
    for (const each of lines) line(context, pairs(frame.data[each], at), shade, 2, dash);
    entries.push([`d${name}/dt = 0`, sample(shade, 2, dash)]);
  }
  for (const each of panel.separatrix) line(context, pairs(frame.data[each], at), theme.text, 1.5, [1.5, 3]);
  if (panel.separatrix.length) entries.push(["separatrix", sample(theme.text, 1.5, [1.5, 3])]);
  const many = panel.paths.length > 1; // trials: thin and translucent
  context.globalAlpha = many ? 0.55 : 1;
  for (const each of panel.paths) line(context, pairs(frame.data[each], at), green, many ? 1.1 : 2.4);
  context.globalAlpha = 1;
  entries.push([many ? "runs, from their cross" : "run, from its cross", (x, y) => (sample(green, 2.4)(x, y), cross(context, x - 9, y, green))]);
  context.restore();
  const low = box.y + box.h + 0.5, left = box.x - 0.5;
  line(context, [[left, box.y], [left, low], [box.x + box.w, low]], theme.muted, 1);
  context.fillStyle = theme.text;
  context.font = `${theme.size - 1}px ${theme.font}`;
  const [[a, c], [b, d]] = [panel.low, panel.high];
  context.textAlign = "center";
  for (const value of ticks(a, b, Math.max(2, box.w / 60))) {
    const [x] = at(value, c);
    line(context, [[x, low], [x, low + 4]], theme.muted, 1);
    context.fillText(String(value), x, low + 13);
  }
  context.textAlign = "right";
  for (const value of ticks(c, d, Math.max(2, box.h / 60))) {
    const [, y] = at(a, value);
    line(context, [[left - 4, y], [left, y]], theme.muted, 1);
    context.fillText(String(value), left - 7, y);
  }
  context.font = `${theme.size}px ${theme.font}`;
  context.textAlign = "center";
  context.fillText(panel.axes[0], box.x + box.w / 2, low + 27);
  context.save();
  context.translate(box.x - 40, box.y + box.h / 2);
  context.rotate(-Math.PI / 2);
  context.fillText(panel.axes[1], 0, 0);
  context.restore();
  for (const state of panel.starts) cross(context, ...at(...state), green);
  const counts = {};
  for (const { kind, state } of panel.points) {
    marker(context, kind, ...at(...state), theme);
    counts[kind] = (counts[kind] ?? 0) + 1;
  }
  for (const [kind, n] of Object.entries(counts)) {
    entries.push([n > 1 ? `${kind} (${n})` : kind, (x, y) => marker(context, kind, x + 6, y, theme)]);
  }
  if (panel.note) {
    context.textAlign = "center";
    context.font = `600 ${theme.size}px ${theme.font}`;
    panel.note.split("\n").forEach((words, i) => {
      const [x, y, half] = [box.x + box.w / 2, box.y + 14 + 16 * i, context.measureText(words).width / 2 + 4];
      context.fillStyle = theme.background;
      context.fillRect(x - half, y - 8, 2 * half, 16);
      context.fillStyle = theme.text;
      context.fillText(words, x, y);
    });
  }
  drawLegend(context, box, theme, entries);
}
