// How often a decision is right, and how long it takes, against the strength of the evidence.

const Z = 1.96; // of a 95 % interval

/** Wilson's interval (1927) of a proportion: k of n. */
export function binomialInterval(k, n) {
  if (!n) return [0, 1];
  const share = k / n, room = 1 + (Z * Z) / n, middle = (share + (Z * Z) / (2 * n)) / room;
  const half = (Z / room) * Math.sqrt((share * (1 - share)) / n + (Z * Z) / (4 * n * n));
  return [middle - half, middle + half];
}

/** Weibull's function from chance, 1/2: the share of right choices. */
export const weibull = (coherence, { alpha, beta }) => 1 - 0.5 * Math.exp(-((coherence / alpha) ** beta));

const percent = (value) => Number((100 * value).toPrecision(3));

/** Points with trials in the order of coherence. */
const tried = (panel) => panel.points.filter(({ total }) => total > 0).sort((a, b) => a.coherence - b.coherence);

/** Coherence across a box: by its logarithm, with 0 apart at the left; evenly where some are negative. */
function coherenceScale(box, panel) {
  const all = panel.points.map(({ coherence }) => coherence), positive = all.filter((c) => c > 0);
  const room = 18, left = box.x + room, width = box.w - 2 * room;
  if (!positive.length || all.some((c) => c < 0)) {
    const low = Math.min(0, ...all), high = Math.max(low + 0.01, ...all);
    return { x: (c) => left + (width * (c - low)) / (high - low), c: (x) => low + ((x - left) / width) * (high - low), log: false };
  }
  const apart = all.includes(0) ? 0.12 * width : 0; // for the coherence 0
  const [low, high] = [Math.log(Math.min(...positive)), Math.log(Math.max(...positive))];
  const from = left + apart, span = width - apart;
  const x = (c) => (c > 0 ? from + (high > low ? (span * (Math.log(c) - low)) / (high - low) : span / 2) : left);
  return { x, c: (px) => Math.exp(low + ((px - from) / span) * (high - low)), log: true, from };
}

/** The boxes of the two curves, one upon the other: choices, and times where there are some. */
function psychometricBoxes(box, panel) {
  if (!panel.points.some(({ time }) => Number.isFinite(time))) return [box, null];
  const h = Math.round(0.58 * (box.h - 34));
  return [{ ...box, h }, { ...box, y: box.y + h + 34, h: box.h - h - 34 }];
}

function axis(pen, box, theme, values, yOf, text) {
  for (const value of values) {
    line(pen, [[box.x, yOf(value)], [box.x + box.w, yOf(value)]], theme.grid, 1);
    words(pen, text(value), box.x - 8, yOf(value), { colour: theme.text, size: theme.size - 1, font: theme.font, align: "right" });
  }
}

function dot(pen, x, y, colour, filled, theme) {
  pen.beginPath();
  pen.arc(x, y, 4.5, 0, 2 * Math.PI);
  pen.closePath();
  pen.fillStyle = filled ? colour : theme.background;
  pen.fill();
  pen.strokeStyle = colour;
  pen.lineWidth = 1.6;
  pen.stroke();
}

const FLOOR = 0.4; // of the axis of choices; it goes to 0 where somebody did worse than that

function drawPsychometric(pen, box, panel, { pinned, theme }) {
  const [choices, times] = psychometricBoxes(box, panel), { x, c, log, from } = coherenceScale(box, panel);
  const before = counterpart(panel, pinned), points = tried(panel);
  const worst = Math.min(1, ...[...points, ...(before ? tried(before) : [])].map((p) => binomialInterval(p.correct, p.total)[0]));
  const low = worst < FLOOR ? 0 : FLOOR;
  const yOf = (share) => choices.y + choices.h * (1 - (share - low) / (1.02 - low));
  axis(pen, choices, theme, low ? [0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1] : [0, 0.25, 0.5, 0.75, 1], yOf, (v) => String(percent(v)));
  line(pen, [[choices.x, yOf(0.5)], [choices.x + choices.w, yOf(0.5)]], theme.muted, 1, [2, 4]); // chance
  const curve = (fit, colour, dash) => {
    const start = log ? from : Math.max(x(0), box.x), end = box.x + box.w - 18;
    const at = Array.from({ length: 121 }, (_, i) => start + ((end - start) * i) / 120);
    line(pen, at.map((px) => [px, yOf(weibull(Math.max(0, c(px)), fit))]), colour, 2, dash);
  };
  if (before?.fit) curve(before.fit, theme.muted, PINNED_DASH);
  for (const { coherence, correct, total } of before ? tried(before) : []) {
    dot(pen, x(coherence), yOf(correct / total), theme.muted, false, theme);
  }
  if (panel.fit) curve(panel.fit, theme.colours[0], []);
  for (const { coherence, correct, total } of points) {
    const [bottom, top] = binomialInterval(correct, total);
    line(pen, [[x(coherence), yOf(bottom)], [x(coherence), yOf(top)]], theme.colours[0], 1.6);
    dot(pen, x(coherence), yOf(correct / total), theme.colours[0], true, theme);
  }
  let lowest = choices;
  if (times) {
    lowest = times;
    const timed = points.filter(({ time }) => Number.isFinite(time));
    const earlier = before ? tried(before).filter(({ time }) => Number.isFinite(time)) : [];
    const top = 1.08 * Math.max(1, ...[...timed, ...earlier].map(({ time }) => time));
    const tOf = (ms) => times.y + times.h * (1 - ms / top);
    axis(pen, times, theme, ticks(0, top, Math.max(2, times.h / 32)), tOf, String);
    line(pen, earlier.map(({ coherence, time }) => [x(coherence), tOf(time)]), theme.muted, 1.5, PINNED_DASH);
    line(pen, timed.map(({ coherence, time }) => [x(coherence), tOf(time)]), theme.colours[1], 1.6, DASHES[1]);
    for (const { coherence, time } of timed) dot(pen, x(coherence), tOf(time), theme.colours[1], false, theme);
    words(pen, "mean decision time (ms)", times.x, times.y - 11, { colour: theme.text, size: theme.size, font: theme.font });
  }
  for (const each of times ? [choices, times] : [choices]) {
    line(pen, [[each.x - 0.5, each.y], [each.x - 0.5, each.y + each.h], [each.x + each.w, each.y + each.h]], theme.muted, 1);
  }
  const under = lowest.y + lowest.h, style = { colour: theme.text, size: theme.size - 1, font: theme.font, align: "center" };
  let last = -Infinity;
  for (const coherence of [...new Set(panel.points.map((point) => point.coherence))].sort((a, b) => a - b)) {
    const text = String(percent(coherence)), half = pen.measureText(text).width / 2;
    line(pen, [[x(coherence), under], [x(coherence), under + 4]], theme.muted, 1);
    if (x(coherence) - half < last + 6) continue;
    words(pen, text, x(coherence), under + 13, style);
    last = x(coherence) + half;
  }
  words(pen, "coherence (%)", box.x + box.w / 2, under + 30, { ...style, size: theme.size });
}

/** The point of the curve nearest to a place: where it lies and what it says. */
function psychometricAt(box, panel, px) {
  const { x } = coherenceScale(box, panel);
  let best = null;
  for (const point of tried(panel)) {
    const distance = Math.abs(x(point.coherence) - px);
    if (distance < (best?.distance ?? 24)) best = { distance, point, x: x(point.coherence) };
  }
  return best && { x: best.x, text: pointWords(best.point) };
}

/** "coherence 12.8 %: 45 of 50 right (90 %, 79 to 96), 432 ms" */
function pointWords({ coherence, correct, total, time }) {
  const [low, high] = binomialInterval(correct, total).map((share) => Math.round(100 * share));
  const when = Number.isFinite(time) ? `, ${Math.round(time)} ms` : "";
  return `coherence ${percent(coherence)} %: ${correct} of ${total} right (${Math.round((100 * correct) / total)} %, ${low} to ${high})${when}`;
}
