// Spikes over time, population upon population.

/** How rows of neurons lie in a box: the share [low, high] of all of them that is looked at, from the bottom. */
function rowScale(panel, height, { low, high }) {
  const size = panel.populations.reduce((sum, population) => sum + population.n, 0);
  const row = height / ((high - low) * size);
  return { row, y: (neuron) => height - (neuron - low * size) * row }; // the lower edge of a row
}

/** Call act(x, y, i) for every spike of a population that is looked at; x and y in a box of width and height. */
function eachSpike(panel, population, below, { frame, look }, width, height, act) {
  const steps = frame.data[population.steps], neurons = frame.data[population.neurons];
  const dt = stepOf(frame), { row, y } = rowScale(panel, height, look);
  const first = look.from / dt - 1e-6, last = look.to / dt, column = width / (last - first);
  const top = y(below), half = row / 2;
  for (let i = 0; i < steps.length; i++) {
    if (steps[i] < first || steps[i] >= last) continue;
    const at = top - neurons[i] * row - half;
    if (at > -half && at < height + half) act((steps[i] - first) * column, at, i);
  }
}

/** The populations from the bottom with the number of neurons below each. */
function banded(panel) {
  let below = 0;
  return panel.populations.map((population) => {
    below += population.n;
    return [population, below - population.n];
  });
}

/** The band of a population in a box `height` high, cut to it: its upper and lower edge. */
function band(panel, population, below, look, height) {
  const { y } = rowScale(panel, height, look);
  const inside = (value) => Math.min(height, Math.max(0, value));
  return [inside(y(below + population.n)), inside(y(below))];
}

/**
 * Spikes as pixels: a dot for the first population, a thin tick for the second. Marks that fall on one another add
 * up, each the paler the more there are, so that a crowded raster still shows where it is crowded most.
 */
function paintSpikes(context, box, panel, scene) {
  const { theme, look } = scene, { ratio } = theme;
  const width = Math.round(box.w * ratio), height = Math.round(box.h * ratio);
  const image = context.createImageData(width, height);
  const pixels = new Uint32Array(image.data.buffer);
  pixels.fill(pixel(theme.backgroundRGB, theme.backgroundRGB, 1));
  const { row } = rowScale(panel, height, look);
  for (const [population, below] of banded(panel)) {
    const edges = band(panel, population, below, look, height).map(Math.round);
    const first = edges[0], rows = Math.max(1, edges[1] - first);
    if (first >= height || edges[1] <= 0) continue;
    let count = 0;
    eachSpike(panel, population, below, scene, width, height, () => count++);
    const tick = population.colour % 2 === 1;
    const room = Math.sqrt((rows * width) / Math.max(1, count)); // pixels of a side there are for a spike
    const wide = Math.max(1, Math.round(Math.min(room / 2, tick ? 1 : 2) * ratio));
    const tall = Math.max(tick ? 2 * wide : wide, Math.min(Math.floor(row * 0.8), Math.round(14 * ratio)));
    const marks = new Uint16Array(rows * width);
    const top = Math.max(0, rows - tall);
    eachSpike(panel, population, below, scene, width, height, (at, middle) => {
      const x = at | 0;
      const y = Math.min(top, Math.max(0, Math.round(middle - first - tall / 2)));
      const xend = Math.min(width, x + wide), yend = Math.min(rows, y + tall);
      for (let v = y; v < yend; v++) {
        for (let k = v * width + x, end = v * width + xend; k < end; k++) marks[k]++;
      }
    });
    const crowding = (count * wide * tall) / marks.length;
    const strength = Math.min(1.3, 0.9 / Math.max(crowding, 1e-9));
    const colour = rgb(theme.colours[population.colour]);
    const shade = Array.from({ length: 256 }, (_, n) => pixel(colour, theme.backgroundRGB, 1 - Math.exp(-strength * n)));
    const start = first * width;
    for (let k = 0; k < marks.length; k++) {
      if (marks[k]) pixels[start + k] = shade[Math.min(255, marks[k])];
    }
  }
  context.putImageData(image, Math.round(box.x * ratio), Math.round(box.y * ratio));
}

/** Spikes as one path a population, in a vector picture. */
function traceSpikes(pen, box, panel, scene) {
  const { row } = rowScale(panel, box.h, scene.look);
  for (const [population, below] of banded(panel)) {
    const tick = population.colour % 2 === 1, tall = Math.max(tick ? 2 : 1.2, Math.min(0.8 * row, 14));
    const marks = [];
    eachSpike(panel, population, below, scene, box.w, box.h, (x, y) => {
      marks.push(`M${(box.x + x).toFixed(1)} ${(box.y + y - tall / 2).toFixed(1)}v${tall.toFixed(1)}`);
    });
    pen.path(marks.join(""), { stroke: scene.theme.colours[population.colour], "stroke-width": tick ? 0.6 : 1.2 });
  }
}

function drawRaster(pen, box, panel, scene) {
  const { theme, look } = scene;
  (pen.path ? traceSpikes : paintSpikes)(pen, box, panel, scene);
  for (const [population, below] of banded(panel)) {
    const [high, low] = band(panel, population, below, look, box.h).map((y) => box.y + y);
    if (low - high < 2) continue;
    const middle = (high + low) / 2, one = low - high < 30; // one line of words, or two
    const count = { colour: theme.muted, size: theme.size - 1, font: theme.font, align: "right" };
    const name = { colour: theme.colours[population.colour], size: theme.size + 1, font: theme.font, align: "right", bold: true };
    words(pen, String(population.n), box.x - 8, one ? middle : middle + 8, count);
    const x = box.x - 8 - (one ? pen.measureText(String(population.n)).width + 5 : 0);
    words(pen, population.name, x, one ? middle : middle - 7, name);
    if (high > box.y + 1) line(pen, [[box.x - 5, high], [box.x + box.w, high]], theme.muted, 0.75);
  }
}

/** The spike nearest to a point of the canvas, null where none is within 9 pixels: its step, neuron and population. */
export function spikeAt(box, panel, scene, px, py) {
  let best = 81, found = null;
  for (const [population, below] of banded(panel)) {
    eachSpike(panel, population, below, scene, box.w, box.h, (x, y, i) => {
      const distance = (box.x + x - px) ** 2 + (box.y + y - py) ** 2;
      if (distance >= best) return;
      best = distance;
      found = { population, i, x: box.x + x, y: box.y + y };
    });
  }
  return found && spike(scene.frame, found.population, found.i, found);
}

const spike = (frame, population, i, place = {}) => ({
  ...place,
  name: population.name,
  neuron: frame.data[population.neurons][i],
  t: frame.data[population.steps][i] * stepOf(frame),
});

/** The spike next after (`way` 1) or before (-1) a time, in ms after the origin; null where there is none. */
export function spikeBeside(panel, frame, t, way) {
  let found = null;
  for (const population of panel.populations) {
    const steps = frame.data[population.steps];
    for (let i = 0; i < steps.length; i++) {
      const each = steps[i] * stepOf(frame);
      if (way * (each - t) > 1e-6 && (!found || way * (found.t - each) > 0)) found = spike(frame, population, i);
    }
  }
  return found;
}
