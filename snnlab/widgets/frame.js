// Frames and where their panels lie. A frame is a small header and one block of bytes; header.arrays says where each
// typed array lies in it. Its times count from header.origin (ms), the left edge of the picture.
// All files of the view are one module: view.py lays them end to end.

const ARRAY = { u2: Uint16Array, u4: Uint32Array, f4: Float32Array };
const WEIGHT = { raster: 3.2, map: 3.2, rates: 1.2, traces: 1.2 }; // the kinds of panels over time
const MARGIN = { left: 56, right: 16, top: 22, bottom: 40, gap: 32 };

/** Header and bytes -> the header with `data`, its typed arrays in order. */
export function decode(header, bytes) {
  const block = bytes.buffer ?? bytes, offset = bytes.byteOffset ?? 0;
  const data = header.arrays.map(({ type, offset: from, length }) => {
    const kind = ARRAY[type], start = offset + from;
    return new kind(block.slice(start, start + length * kind.BYTES_PER_ELEMENT));
  });
  return { origin: 0, ...header, data };
}

export const isTimed = (panel) => panel.kind in WEIGHT;

/** The length of a step, in ms. */
export const stepOf = (frame) => frame.duration / frame.steps;

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

const SIDE = { "phase plane": 0.56, ring: 0.34, psychometric: 0.6 }; // of the width, at most, that a picture takes

/** The picture without a time axis: a panel of its own, or of a map the ring at one moment. */
export function pictureOf(panels) {
  const map = panels.find((panel) => panel.kind === "map");
  return panels.find((panel) => !isTimed(panel)) ?? (map ? { kind: "ring", map } : null);
}

/**
 * Where everything lies in a canvas, in CSS pixels: `boxes`, the rectangle of every panel, and `picture`, that of what
 * has no time axis: it stands beside the panels over time, or above them where it is narrow.
 */
export function arrange(panels, width, height) {
  const { left, right, top, bottom } = MARGIN;
  const timed = panels.filter(isTimed), shown = pictureOf(panels);
  let others = [], picture = null;
  if (!shown) others = stack(timed, left, top, width - left - right, height);
  else if (shown.kind === "psychometric" && !timed.length) {
    picture = { x: left, y: top, w: Math.max(60, width - left - right), h: height - top - bottom, edge: width - right };
  } else {
    const beside = timed.length > 0 && width >= 560, ring = shown.kind === "ring", all = width - left - right;
    const aside = ring && !beside && all >= 360; // the words of a ring that stands above are at its right
    const below = beside ? 72 : aside ? 12 : ring ? 86 : all < 420 ? 118 : 90; // for the words under a picture
    const share = ring ? (aside ? 0.37 : 0.46) : 0.6;
    const room = timed.length && !beside ? share * height : height;
    const side = Math.max(60, Math.min(beside ? SIDE[shown.kind] * width - left : all, room - top - below));
    picture = { x: left, y: top, w: side, h: side, edge: beside ? left + side + 24 : width - right, aside };
    const x = beside ? 2 * left + side + 8 : left;
    others = beside
      ? stack(timed, x, top, width - x - right, shown.kind === "phase plane" ? top + side + bottom : height)
      : stack(timed, x, top + side + below + 16, width - x - right, height);
  }
  return { boxes: panels.map((panel) => (isTimed(panel) ? others.shift() : picture)), picture };
}

/** The rectangle of every panel. */
export const layout = (panels, width, height) => arrange(panels, width, height).boxes;

/** Time across a box, of the stretch [from, to] (ms after the origin) that is looked at. */
export function timeScale(box, { from, to }) {
  return {
    x: (t) => box.x + (box.w * (t - from)) / (to - from),
    t: (x) => from + ((x - box.x) * (to - from)) / box.w,
  };
}
