// Draws frames on a canvas, whoever computed them (a kernel here, a Web Worker on a published page).
// A frame is a small header and one block of bytes; header.arrays says where each typed array lies in it.
// All files of the view are one module: view.py lays them end to end.

const COLOURS = {
  light: ["#0072B2", "#D55E00", "#009E73", "#CC79A7", "#7A6A00"],
  dark: ["#56B4E9", "#D55E00", "#009E73", "#CC79A7", "#F0E442"],
};
const DASHES = [[], [6, 3], [2, 2], [8, 3, 2, 3], [1, 3]]; // the second cue of a curve
const ARRAY = { u2: Uint16Array, u4: Uint32Array, f4: Float32Array };
const WEIGHT = { raster: 3.2, map: 3.2, rates: 1.2, traces: 1.2 };
const MARGIN = { left: 56, right: 16, top: 22, bottom: 40, gap: 32 };

// ---- frames -------------------------------------------------------------------------------------------------

/** Header and bytes -> the header with `data`, its typed arrays in order. */
export function decode(header, bytes) {
  const data = header.arrays.map(({ type, offset, length }) => {
    const kind = ARRAY[type];
    const start = bytes.byteOffset + offset;
    return new kind(bytes.buffer.slice(start, start + length * kind.BYTES_PER_ELEMENT));
  });
  return { ...header, data };
}

// ---- drawing ------------------------------------------------------------------------------------------------

/** Tick positions in [low, high] at 1, 2 or 5 times a power of ten, about `count` of them. */
export function ticks(low, high, count) {
  const rough = (high - low) / Math.max(count, 1);
  if (!(rough > 0) || !Number.isFinite(rough)) return [low];
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((m) => m * power).find((s) => s >= rough * 0.999);
  const digits = Math.max(0, -Math.floor(Math.log10(step)));
  const list = [];
  for (let i = Math.ceil(low / step - 1e-9); i * step <= high * (1 + 1e-9) + 1e-12; i++) {
    list.push(Number((i * step).toFixed(digits)));
  }
  return list;
}

/** How high a panel is beside the others; the raster of a few cells needs no room for thousands. */
function weight(panel) {
  if (panel.kind !== "raster") return WEIGHT[panel.kind];
  return Math.min(WEIGHT.raster, 0.7 + 0.05 * panel.populations.reduce((sum, population) => sum + population.n, 0));
}

/** The rectangles of panels over time, top to bottom, in CSS pixels. */
function stack(panels, left, top, w, height) {
  const { bottom, gap } = MARGIN;
  const free = height - top - bottom - gap * (panels.length - 1);
  const total = panels.reduce((sum, panel) => sum + weight(panel), 0);
  let y = top;
  return panels.map((panel) => {
    const h = Math.max(20, Math.round((free * weight(panel)) / total));
    const box = { x: left, y, w: Math.max(40, w), h };
    y += h + gap;
    return box;
  });
}

const UNTIMED = { "phase plane": { draw: drawPhasePlane } }; // pictures without a time axis

/** The rectangle of every panel: a picture stands beside those over time, or above them where it is narrow. */
export function layout(panels, width, height) {
  const { left, right, top, bottom } = MARGIN;
  const timed = panels.filter((panel) => !(panel.kind in UNTIMED));
  const [picture] = panels.filter((panel) => panel.kind in UNTIMED);
  if (!picture) return stack(timed, left, top, width - left - right, height);
  const beside = timed.length > 0 && width >= 560;
  const below = beside ? 72 : 90; // for the words under it
  const most = beside ? 0.56 * width - left : width - left - right;
  const room = timed.length && !beside ? 0.6 * height : height;
  const side = Math.max(60, Math.min(most, room - top - below));
  const box = { x: left, y: top, w: side, h: side, edge: width - right };
  const x = beside ? 2 * left + side + 8 : left;
  const others = beside
    ? stack(timed, x, top, width - x - right, top + side + bottom)
    : stack(timed, x, top + side + below + 16, width - x - right, height);
  return panels.map((panel) => (panel === picture ? box : others.shift()));
}

const rgb = (hex) => [1, 3, 5].map((i) => parseInt(hex.slice(i, i + 2), 16));

/** A 32-bit little-endian pixel: `share` of colour a over colour b. */
function pixel(a, b, share) {
  const [red, green, blue] = a.map((value, i) => Math.round(share * value + (1 - share) * b[i]));
  return ((255 << 24) | (blue << 16) | (green << 8) | red) >>> 0;
}

/**
 * Spikes as pixels: a dot for the first population, a thin tick for the second. Marks that fall on one another add
 * up, each the paler the more there are, so that a crowded raster still shows where it is crowded most.
 */
function drawRaster(context, box, panel, frame, theme) {
  const { ratio } = theme;
  const width = Math.round(box.w * ratio), height = Math.round(box.h * ratio);
  const image = context.createImageData(width, height);
  const pixels = new Uint32Array(image.data.buffer);
  pixels.fill(pixel(theme.backgroundRGB, theme.backgroundRGB, 1));
  const size = panel.populations.reduce((sum, population) => sum + population.n, 0);
  const row = height / size, column = width / frame.steps;
  let below = 0;
  for (const population of panel.populations) {
    const steps = frame.data[population.steps], neurons = frame.data[population.neurons];
    const first = Math.max(0, Math.round(height - (below + population.n) * row)); // the band, in rows of pixels
    const band = Math.max(1, Math.round(height - below * row) - first);
    const tick = population.colour % 2 === 1;
    const room = Math.sqrt((band * width) / Math.max(1, steps.length)); // pixels of a side there are for a spike
    const wide = Math.max(1, Math.round(Math.min(room / 2, tick ? 1 : 2) * ratio));
    const tall = Math.max(tick ? 2 * wide : wide, Math.min(Math.floor(row * 0.8), Math.round(14 * ratio)));
    const marks = new Uint16Array(band * width);
    const top = Math.max(0, band - tall);
    for (let i = 0; i < steps.length; i++) {
      const x = (steps[i] * column) | 0;
      const y = Math.min(top, Math.max(0, Math.round(band - (neurons[i] + 0.5) * row - tall / 2)));
      const xend = Math.min(width, x + wide), yend = Math.min(band, y + tall);
      for (let v = y; v < yend; v++) {
        for (let at = v * width + x, end = v * width + xend; at < end; at++) marks[at]++;
      }
    }
    const crowding = (steps.length * wide * tall) / marks.length;
    const strength = Math.min(1.3, 0.9 / Math.max(crowding, 1e-9));
    const colour = rgb(theme.colours[population.colour]);
    const shade = Array.from({ length: 256 }, (_, n) => pixel(colour, theme.backgroundRGB, 1 - Math.exp(-strength * n)));
    const start = first * width;
    for (let at = 0; at < marks.length; at++) {
      if (marks[at]) pixels[start + at] = shade[Math.min(255, marks[at])];
    }
    below += population.n;
  }
  context.putImageData(image, Math.round(box.x * ratio), Math.round(box.y * ratio));
  below = 0;
  context.textAlign = "right";
  for (const population of panel.populations) {
    const high = box.y + box.h * (1 - (below + population.n) / size);
    const low = box.y + box.h * (1 - below / size);
    context.fillStyle = theme.colours[population.colour];
    context.font = `600 ${theme.size + 1}px ${theme.font}`;
    context.fillText(population.name, box.x - 8, (high + low) / 2 - 7);
    context.fillStyle = theme.muted;
    context.font = `${theme.size - 1}px ${theme.font}`;
    context.fillText(String(population.n), box.x - 8, (high + low) / 2 + 8);
    below += population.n;
    if (below < size) line(context, [[box.x - 5, high], [box.x + box.w, high]], theme.muted, 0.75);
  }
}

function line(context, points, colour, width, dash = []) {
  context.beginPath();
  points.forEach(([x, y], i) => (i ? context.lineTo(x, y) : context.moveTo(x, y)));
  context.strokeStyle = colour;
  context.lineWidth = width;
  context.setLineDash(dash);
  context.stroke();
  context.setLineDash([]);
}

/** The vertical range of curves. It keeps still while the data nearly fill it, so that a drag can be followed. */
function range(panel, frame, memory) {
  let low = Infinity, high = -Infinity;
  for (const { values } of panel.series) {
    for (const value of frame.data[values]) {
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

function drawCurves(context, box, panel, frame, theme, memory) {
  const [low, high] = range(panel, frame, memory);
  const yOf = (value) => box.y + box.h * (1 - (value - low) / (high - low));
  const xOf = (t) => box.x + (box.w * t) / frame.duration;
  context.textAlign = "right";
  context.font = `${theme.size - 1}px ${theme.font}`;
  for (const value of ticks(low, high, Math.max(2, box.h / 20))) {
    line(context, [[box.x, yOf(value)], [box.x + box.w, yOf(value)]], theme.grid, 1);
    context.fillStyle = theme.text;
    const short = Math.abs(value) < 1e5 ? value : Number(value.toPrecision(3)).toExponential();
    context.fillText(String(short), box.x - 8, yOf(value));
  }
  context.save();
  context.beginPath();
  context.rect(box.x, box.y - 2, box.w, box.h + 4);
  context.clip();
  for (const series of panel.series) {
    const points = Array.from(frame.data[series.values], (v, i) => [xOf(panel.start + i * panel.step), yOf(v)]);
    line(context, points, theme.colours[series.colour], 1.6, DASHES[series.colour]);
  }
  context.restore();
  let x = box.x + box.w; // the legend, right to left: the name and a sample of its line
  context.font = `${theme.size}px ${theme.font}`;
  for (const series of [...panel.series].reverse()) {
    if (!series.legend) continue;
    context.fillStyle = theme.text;
    context.fillText(series.legend, x, box.y - 11);
    x -= context.measureText(series.legend).width + 6;
    line(context, [[x - 24, box.y - 11], [x, box.y - 11]], theme.colours[series.colour], 2, DASHES[series.colour]);
    x -= 38;
  }
}

const PANELS = { raster: drawRaster, map: drawMap, rates: drawCurves, traces: drawCurves };

/**
 * Draw a decoded frame on a canvas whose width and height are device pixels (theme.ratio to a CSS pixel).
 * `memory` keeps vertical ranges from one frame to the next.
 */
export function draw(canvas, frame, theme, memory = {}) {
  const context = canvas.getContext("2d");
  const width = canvas.width / theme.ratio, height = canvas.height / theme.ratio;
  context.setTransform(theme.ratio, 0, 0, theme.ratio, 0, 0);
  context.fillStyle = theme.background;
  context.fillRect(0, 0, width, height);
  context.textBaseline = "middle";
  const boxes = layout(frame.panels, width, height);
  frame.panels.forEach((panel, i) => {
    const box = boxes[i];
    (PANELS[panel.kind] ?? UNTIMED[panel.kind].draw)(context, box, panel, frame, theme, memory);
    context.textAlign = "left";
    context.fillStyle = theme.text;
    context.font = `${theme.size}px ${theme.font}`;
    context.fillText(panel.title, box.x, box.y - 11);
    if (panel.kind in UNTIMED) return;
    const last = !frame.panels.slice(i + 1).some((other) => other.kind in PANELS);
    context.textAlign = "center";
    for (const t of ticks(0, frame.duration, Math.max(2, box.w / 80))) {
      const x = box.x + (box.w * t) / frame.duration;
      line(context, [[x, box.y + box.h], [x, box.y + box.h + 4]], theme.muted, 1);
      if (!last) continue;
      const half = context.measureText(String(t)).width / 2;
      context.fillText(String(t), Math.min(x, width - half - 1), box.y + box.h + 13);
    }
    if (last) context.fillText("time (ms)", box.x + box.w / 2, box.y + box.h + 30);
    const left = box.x - 0.5, low = box.y + box.h + 0.5; // outside, so that no spike at the start is hidden
    line(context, [[left, box.y], [left, low], [box.x + box.w, low]], theme.muted, 1);
    if (frame.end < frame.duration) {
      const x = box.x + (box.w * frame.end) / frame.duration;
      line(context, [[x, box.y], [x, box.y + box.h]], theme.text, 1, [3, 3]);
    }
  });
}

/** Colours, font and pixel ratio in force at an element, in whatever page it stands. */
export function themeOf(element) {
  const style = getComputedStyle(element);
  const scratch = themeOf.context ??= new OffscreenCanvas(1, 1).getContext("2d", { willReadFrequently: true });
  scratch.fillStyle = "#fff";
  scratch.fillStyle = style.backgroundColor; // any CSS colour becomes three numbers by painting it
  scratch.fillRect(0, 0, 1, 1);
  const backgroundRGB = [...scratch.getImageData(0, 0, 1, 1).data.slice(0, 3)];
  const dark = 0.299 * backgroundRGB[0] + 0.587 * backgroundRGB[1] + 0.114 * backgroundRGB[2] < 128;
  return {
    background: `rgb(${backgroundRGB.join(",")})`,
    backgroundRGB,
    text: style.color,
    muted: style.getPropertyValue("--snnlab-muted"),
    grid: style.getPropertyValue("--snnlab-grid"),
    font: style.fontFamily,
    size: 12,
    colours: COLOURS[dark ? "dark" : "light"],
    ratio: window.devicePixelRatio || 1,
  };
}
