// Curves over time: rates and traces.

/** The vertical range of curves. It keeps still while the data nearly fill it, so that a drag can be followed. */
function range(panel, { frame, pinned, memory }) {
  let low = Infinity, high = -Infinity;
  const curves = panel.series.map(({ values }) => frame.data[values]);
  for (const { values } of counterpart(panel, pinned)?.series ?? []) curves.push(pinned.data[values]);
  for (const values of curves) {
    for (const value of values) {
      if (value < low) low = value;
      if (value > high) high = value;
    }
  }
  if (!(high >= low)) [low, high] = [0, 1];
  if (panel.kind === "rates") low = 0;
  if (high === low) high = low + 1;
  const old = memory[panel.alt];
  if (old && low >= old[0] && high <= old[1] && high - low >= 0.45 * (old[1] - old[0])) return old;
  const room = 0.06 * (high - low);
  return (memory[panel.alt] = [panel.kind === "rates" ? 0 : low - room, high + room]);
}

/** The panel of a pinned frame that shows the same as `panel`; of traces there may be several. */
function counterpart(panel, pinned) {
  return pinned?.panels.find(({ kind, alt }) => kind === panel.kind && (kind !== "traces" || alt === panel.alt));
}

/** A number as an axis or a line of words shows it. */
const short = (value) => (Math.abs(value) < 1e5 ? String(value) : Number(value.toPrecision(3)).toExponential());

/** Names at the right above a panel, each with a sample of its line; gives their width. */
function keys(pen, box, theme, entries) {
  const sample = box.w < 380 ? 16 : 24; // of a line
  let x = box.x + box.w;
  for (const [name, draw] of entries) {
    words(pen, name, x, box.y - 11, { colour: theme.text, size: theme.size, font: theme.font, align: "right" });
    x -= pen.measureText(name).width + 6;
    draw(x - sample, x, box.y - 11);
    x -= sample + 14;
  }
  return box.x + box.w - x;
}

function drawCurves(pen, box, panel, scene) {
  const { frame, pinned, theme, look } = scene;
  const [low, high] = range(panel, scene);
  const yOf = (value) => box.y + box.h * (1 - (value - low) / (high - low));
  const { x: xOf } = timeScale(box, look);
  for (const value of ticks(low, high, Math.max(2, box.h / 20))) {
    line(pen, [[box.x, yOf(value)], [box.x + box.w, yOf(value)]], theme.grid, 1);
    words(pen, short(value), box.x - 8, yOf(value), {
      colour: theme.text, size: theme.size - 1, font: theme.font, align: "right",
    });
  }
  const curve = ({ start, step }, values) => Array.from(values, (value, i) => [xOf(start + i * step), yOf(value)]);
  pen.save();
  pen.beginPath();
  pen.rect(box.x, box.y - 2, box.w, box.h + 4);
  pen.clip();
  const before = counterpart(panel, pinned);
  for (const { values } of before?.series ?? []) {
    line(pen, curve(before, pinned.data[values]), theme.muted, 1.5, PINNED_DASH);
  }
  for (const { values, colour } of panel.series) {
    line(pen, curve(panel, frame.data[values]), theme.colours[colour], 1.6, DASHES[colour]);
  }
  pen.restore();
  pen.font = `${theme.size}px ${theme.font}`;
  const named = panel.series.filter((series) => series.legend).reverse();
  const entries = named.map(({ legend, colour }) => [
    legend,
    (from, to, y) => line(pen, [[from, y], [to, y]], theme.colours[colour], 2, DASHES[colour]),
  ]);
  return keys(pen, box, theme, entries);
}

/** What the curves of a panel are worth at a time (ms after the origin): "E 21.4, I 20 Hz". */
function valuesAt(panel, frame, t) {
  const parts = panel.series.map(({ name, legend, values }) => {
    const curve = frame.data[values], i = Math.round((t - panel.start) / panel.step);
    const value = curve[Math.min(curve.length - 1, Math.max(0, i))];
    return value === undefined ? "" : `${legend || name} ${Number(value.toPrecision(3))}`;
  });
  const unit = /\(([a-zµΩ%]+(?: ?\/ ?[a-z]+)?)\)/i.exec(panel.title)?.[1]; // the title has it: "population rate (Hz)"
  return parts.filter(Boolean).join(", ") + (unit ? ` ${unit}` : "");
}
