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

const pairs = (flat, at) => Array.from({ length: flat.length / 2 }, (_, i) => at(flat[2 * i], flat[2 * i + 1]));

function drawField(pen, panel, frame, theme, at, box) {
  const states = frame.data[panel.field.states], flow = frame.data[panel.field.flow];
  const size = (0.62 * Math.min(box.w, box.h)) / panel.field.n;
  pen.beginPath();
  for (let i = 0; i < states.length; i += 2) {
    const [x, y] = at(states[i], states[i + 1]);
    const dx = flow[i] * size / 2, dy = -flow[i + 1] * size / 2; // flow has length 1, or 0 where nothing moves
    if (!dx && !dy) continue;
    pen.moveTo(x - dx, y - dy);
    pen.lineTo(x + dx, y + dy);
    for (const side of [0.45, -0.45]) { // the head
      pen.moveTo(x + dx, y + dy);
      pen.lineTo(x + 0.35 * dx - side * dy, y + 0.35 * dy + side * dx);
    }
  }
  pen.strokeStyle = theme.muted;
  pen.globalAlpha = 0.5;
  pen.lineWidth = 0.9;
  pen.stroke();
  pen.globalAlpha = 1;
}

/** The marker of a fixed point: round for nodes and saddles, a diamond for what turns around. */
function marker(pen, kind, x, y, theme, r = 5.5) {
  const outline = (from, to) => {
    pen.beginPath();
    if (/focus|centre/.test(kind)) {
      for (let i = 0; i < 4; i++) {
        const [px, py] = [x + 1.25 * r * Math.cos((i * Math.PI) / 2), y + 1.25 * r * Math.sin((i * Math.PI) / 2)];
        if (i) pen.lineTo(px, py);
        else pen.moveTo(px, py);
      }
    } else pen.arc(x, y, r, from, to);
    pen.closePath();
  };
  const fill = FILL[kind.split(" ")[0]];
  outline(0, 2 * Math.PI);
  pen.fillStyle = fill === "full" ? theme.text : theme.background;
  pen.fill();
  pen.strokeStyle = theme.text;
  pen.lineWidth = 1.6;
  pen.stroke();
  if (fill !== "half") return;
  outline(Math.PI / 2, 1.5 * Math.PI);
  pen.fillStyle = theme.text;
  pen.fill();
}

function cross(pen, x, y, colour) {
  for (const s of [1, -1]) line(pen, [[x - 5, y - 5 * s], [x + 5, y + 5 * s]], colour, 2.2);
}

/** Samples and words under the plane, in as many rows as it takes. */
function drawLegend(pen, box, theme, entries) {
  pen.textAlign = "left";
  pen.font = `${theme.size}px ${theme.font}`;
  let x = box.x, y = box.y + box.h + 46;
  for (const [words, sample] of entries) {
    const wide = 30 + pen.measureText(words).width;
    if (x > box.x && x + wide > box.edge) [x, y] = [box.x, y + 17];
    sample(x + 11, y);
    pen.fillStyle = theme.text;
    pen.fillText(words, x + 28, y);
    x += wide + 14;
  }
}

function drawPhasePlane(pen, box, panel, { frame, pinned, theme }) {
  const { at } = placing(box, panel);
  const green = theme.colours[2], entries = [];
  const sample = (colour, width, dash) => (x, y) => line(pen, [[x - 11, y], [x + 11, y]], colour, width, dash);
  pen.save();
  pen.beginPath();
  pen.rect(box.x, box.y, box.w, box.h);
  pen.clip();
  drawField(pen, panel, frame, theme, at, box);
  const before = counterpart(panel, pinned);
  for (const each of before ? [...before.nullclines.flatMap(({ lines }) => lines), ...before.paths] : []) {
    line(pen, pairs(pinned.data[each], at), theme.muted, 1.3, PINNED_DASH);
  }
  for (const { name, lines, colour } of panel.nullclines) {
    const [shade, dash] = [theme.colours[colour], DASHES[colour]];
    for (const each of lines) line(pen, pairs(frame.data[each], at), shade, 2, dash);
    entries.push([`d${name}/dt = 0`, sample(shade, 2, dash)]);
  }
  for (const each of panel.separatrix) line(pen, pairs(frame.data[each], at), theme.text, 1.5, [1.5, 3]);
  if (panel.separatrix.length) entries.push(["separatrix", sample(theme.text, 1.5, [1.5, 3])]);
  const many = panel.paths.length > 1; // trials: thin and translucent
  pen.globalAlpha = many ? 0.55 : 1;
  for (const each of panel.paths) line(pen, pairs(frame.data[each], at), green, many ? 1.1 : 2.4);
  pen.globalAlpha = 1;
  entries.push([many ? "runs, from their cross" : "run, from its cross", (x, y) => (sample(green, 2.4)(x, y), cross(pen, x - 9, y, green))]);
  pen.restore();
  const low = box.y + box.h + 0.5, left = box.x - 0.5;
  line(pen, [[left, box.y], [left, low], [box.x + box.w, low]], theme.muted, 1);
  pen.fillStyle = theme.text;
  pen.font = `${theme.size - 1}px ${theme.font}`;
  const [[a, c], [b, d]] = [panel.low, panel.high];
  pen.textAlign = "center";
  for (const value of ticks(a, b, Math.max(2, box.w / 60))) {
    const [x] = at(value, c);
    line(pen, [[x, low], [x, low + 4]], theme.muted, 1);
    pen.fillText(String(value), x, low + 13);
  }
  pen.textAlign = "right";
  for (const value of ticks(c, d, Math.max(2, box.h / 60))) {
    const [, y] = at(a, value);
    line(pen, [[left - 4, y], [left, y]], theme.muted, 1);
    pen.fillText(String(value), left - 7, y);
  }
  pen.font = `${theme.size}px ${theme.font}`;
  pen.textAlign = "center";
  pen.fillText(panel.axes[0], box.x + box.w / 2, low + 27);
  pen.save();
  pen.translate(box.x - 40, box.y + box.h / 2);
  pen.rotate(-Math.PI / 2);
  pen.fillText(panel.axes[1], 0, 0);
  pen.restore();
  for (const state of panel.starts) cross(pen, ...at(...state), green);
  const counts = {};
  for (const { kind, state } of panel.points) {
    marker(pen, kind, ...at(...state), theme);
    counts[kind] = (counts[kind] ?? 0) + 1;
  }
  for (const [kind, n] of Object.entries(counts)) {
    entries.push([n > 1 ? `${kind} (${n})` : kind, (x, y) => marker(pen, kind, x + 6, y, theme)]);
  }
  if (panel.note) {
    pen.textAlign = "center";
    pen.font = `600 ${theme.size}px ${theme.font}`;
    panel.note.split("\n").forEach((words, i) => {
      const [x, y, half] = [box.x + box.w / 2, box.y + 14 + 16 * i, pen.measureText(words).width / 2 + 4];
      pen.fillStyle = theme.background;
      pen.fillRect(x - half, y - 8, 2 * half, 16);
      pen.fillStyle = theme.text;
      pen.fillText(words, x, y);
    });
  }
  drawLegend(pen, box, theme, entries);
}
