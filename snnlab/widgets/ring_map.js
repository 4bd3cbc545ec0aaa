// A ring of rate units: a map (time across, the angle up, activity as colour, two angles as lines), and beside it the
// ring itself at one moment, with its bump, the stimulus and the decoded angle.

const CIVIDIS = [ // at equal distances from dark to light
  [0, 34, 78], [26, 56, 111], [67, 78, 108], [97, 101, 111], [125, 124, 120],
  [155, 148, 118], [188, 174, 108], [222, 201, 88], [254, 232, 56],
];
const SHADES = Array.from({ length: 256 }, (_, level) => {
  const at = (level / 255) * (CIVIDIS.length - 1), i = Math.min(CIVIDIS.length - 2, Math.floor(at));
  return pixel(CIVIDIS[i + 1], CIVIDIS[i], at - i);
});
const ANGLES = [[-Math.PI, "-π"], [-Math.PI / 2, "-π/2"], [0, "0"], [Math.PI / 2, "π/2"], [Math.PI, "π"]];
const ON_MAP = {
  stimulus: { colour: "#D55E00", dash: [6, 4] },
  decoded: { colour: "#000000", dash: [] },
  pinned: { colour: "#666666", dash: [2, 3] },
};

/** A line on any ground: dark or coloured within white. */
function haloed(pen, points, { colour, dash }) {
  line(pen, points, "#FFFFFF", 3.4);
  line(pen, points, colour, 1.6, dash);
}

/** The pieces of a curve of angles: it is cut where there is none and where it goes round. */
function pieces(values, place) {
  const found = [];
  let last = NaN;
  values.forEach((angle, i) => {
    if (Number.isFinite(angle)) {
      if (!(Math.abs(angle - last) < Math.PI)) found.push([]);
      found.at(-1).push(place(i, angle));
    }
    last = angle;
  });
  return found.filter((piece) => piece.length > 1);
}

/** The map's cells as an image, a pixel each, of the columns that are looked at. */
function mapImage(panel, frame, first, last) {
  const levels = frame.data[panel.levels], columns = levels.length / panel.rows;
  const canvas = document.createElement("canvas"), context = canvas.getContext("2d");
  [canvas.width, canvas.height] = [Math.max(1, last - first), panel.rows];
  const image = context.createImageData(canvas.width, panel.rows), pixels = new Uint32Array(image.data.buffer);
  for (let y = 0; y < panel.rows; y++) {
    const row = (panel.rows - 1 - y) * columns;
    for (let x = first; x < last; x++) pixels[y * canvas.width + x - first] = SHADES[levels[row + x] >> 8];
  }
  context.putImageData(image, 0, 0);
  return canvas;
}

function drawMap(pen, box, panel, { frame, pinned, theme, look }) {
  const { x: xOf } = timeScale(box, look);
  const columns = frame.data[panel.levels].length / panel.rows;
  const first = Math.max(0, Math.floor(look.from / panel.step)), last = Math.min(columns, Math.ceil(look.to / panel.step));
  pen.save();
  pen.beginPath();
  pen.rect(box.x, box.y, box.w, box.h);
  pen.clip();
  if (last > first) {
    const x = xOf(first * panel.step), width = xOf(Math.min(last * panel.step, frame.duration)) - x;
    const image = mapImage(panel, frame, first, last);
    pen.imageSmoothingEnabled = false;
    if (pen.image) pen.image(image, x, box.y, width, box.h);
    else pen.drawImage(image, x, box.y, width, box.h);
  }
  const yOf = (angle) => box.y + box.h * (0.5 - angle / (2 * Math.PI));
  const draw = ({ data }, { step, lines }, name, style) => {
    for (const { values } of lines.filter((each) => each.name === name)) {
      for (const piece of pieces(data[values], (i, angle) => [xOf(i * step), yOf(angle)])) haloed(pen, piece, style);
    }
  };
  const before = counterpart(panel, pinned);
  if (before) draw(pinned, before, "decoded", ON_MAP.pinned);
  for (const { name } of panel.lines) draw(frame, panel, name, ON_MAP[name]);
  pen.restore();
  for (const [angle, label] of ANGLES) {
    words(pen, label, box.x - 8, yOf(angle), { colour: theme.text, size: theme.size - 1, font: theme.font, align: "right" });
    line(pen, [[box.x - 5, yOf(angle)], [box.x, yOf(angle)]], theme.muted, 1);
  }
  pen.font = `${theme.size}px ${theme.font}`;
  const entries = panel.lines.map(({ name }) => [name, (from, to, y) => haloed(pen, [[from, y], [to, y]], ON_MAP[name])]);
  return keys(pen, box, theme, entries);
}

// ---- the ring at one moment ---------------------------------------------------------------------------------

/** What a map shows at a time: the levels around the ring (0 to 1) and the angles of its lines, by name. */
function ringAt(panel, frame, t) {
  const levels = frame.data[panel.levels], columns = levels.length / panel.rows;
  const i = Math.min(columns - 1, Math.max(0, Math.floor(t / panel.step + 1e-9)));
  const angles = Object.fromEntries(panel.lines.map(({ name, values }) => [name, frame.data[values][i]]));
  return { around: Array.from({ length: columns ? panel.rows : 0 }, (_, row) => levels[row * columns + i] / 65535), angles };
}

/** The ring at a time (ms after the origin): angle 0 at the right, counted against the clock. */
function drawRing(pen, box, panel, { frame, pinned, theme }, t) {
  const middle = [box.x + box.w / 2, box.y + box.h / 2], inner = 0.25 * box.w, rise = 0.16 * box.w;
  const at = (angle, r) => [middle[0] + r * Math.cos(angle), middle[1] - r * Math.sin(angle)];
  const circle = (r) => (pen.beginPath(), pen.arc(...middle, r, 0, 2 * Math.PI), pen.closePath());
  const profile = (around) => {
    const points = around.map((u, row) => at(-Math.PI + (2 * Math.PI * row) / around.length, inner + rise * u));
    return [...points, points[0]];
  };
  const { around, angles } = ringAt(panel, frame, t);
  if (around.length) {
    const shape = profile(around);
    pen.beginPath();
    shape.forEach((point, i) => (i ? pen.lineTo(...point) : pen.moveTo(...point)));
    pen.closePath();
    pen.fillStyle = theme.colours[0];
    pen.globalAlpha = 0.25;
    pen.fill();
    pen.globalAlpha = 1;
    circle(inner);
    pen.fillStyle = theme.background;
    pen.fill();
    line(pen, shape, theme.colours[0], 2);
  }
  const before = counterpart(panel, pinned), past = before && ringAt(before, pinned, t).around;
  if (past?.length) line(pen, profile(past), theme.muted, 1.5, PINNED_DASH);
  circle(inner);
  pen.strokeStyle = theme.muted;
  pen.lineWidth = 1;
  pen.stroke();
  for (const [angle, label] of ANGLES.slice(1)) {
    const name = angle === Math.PI ? "±π" : label;
    words(pen, name, ...at(angle, inner + rise + (Math.sin(angle) ** 2 > 0.5 ? 10 : 14)), { colour: theme.muted, size: theme.size - 1, font: theme.font, align: "center" });
  }
  if (Number.isFinite(angles.stimulus)) { // outside, pointing in
    const tip = inner + rise + 3, corners = [[0, tip - 8], [0.09, tip + 4], [-0.09, tip + 4]];
    line(pen, [at(angles.stimulus, inner), at(angles.stimulus, tip)], theme.colours[1], 1.6, [6, 4]);
    pen.beginPath();
    corners.forEach(([turn, r], i) => (i ? pen.lineTo : pen.moveTo).apply(pen, at(angles.stimulus + turn, r)));
    pen.closePath();
    pen.fillStyle = theme.colours[1];
    pen.fill();
  }
  if (Number.isFinite(angles.decoded)) { // a hand from the middle
    line(pen, [middle, at(angles.decoded, inner - 2)], theme.text, 2.2);
    pen.beginPath();
    pen.arc(...at(angles.decoded, inner - 4), 4, 0, 2 * Math.PI);
    pen.fillStyle = theme.text;
    pen.fill();
  }
  const style = { colour: theme.text, size: theme.size, font: theme.font };
  words(pen, "ring", box.x, box.y - 11, style);
  const lines = Object.entries(angles).filter(([, angle]) => Number.isFinite(angle));
  const [x, y] = box.aside ? [box.x + box.w + 36, box.y + box.h / 2 - 14] : [box.x + 16, box.y + box.h + 30];
  words(pen, `at ${Number((frame.origin + t).toFixed(1))} ms`, x, y, { ...style, bold: true });
  lines.forEach(([name, angle], i) => {
    const mark = name === "decoded" ? theme.text : theme.colours[1], at = y + 18 * (i + 1);
    words(pen, `${name} ${angle.toFixed(2)} rad`, x + 30, at, style);
    line(pen, [[x, at], [x + 22, at]], mark, 2, name === "decoded" ? [] : [6, 4]);
  });
}
