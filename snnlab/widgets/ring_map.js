// The panel of a ring: time across, the angle up, activity as colour (cividis), two angles as lines.

const CIVIDIS = [ // at equal distances from dark to light
  [0, 34, 78], [26, 56, 111], [67, 78, 108], [97, 101, 111], [125, 124, 120],
  [155, 148, 118], [188, 174, 108], [222, 201, 88], [254, 232, 56],
];
const SHADES = Array.from({ length: 256 }, (_, level) => {
  const at = (level / 255) * (CIVIDIS.length - 1), i = Math.min(CIVIDIS.length - 2, Math.floor(at));
  return pixel(CIVIDIS[i + 1], CIVIDIS[i], at - i);
});
const ANGLES = [[-Math.PI, "-π"], [-Math.PI / 2, "-π/2"], [0, "0"], [Math.PI / 2, "π/2"], [Math.PI, "π"]];
const ON_MAP = { stimulus: { colour: "#D55E00", dash: [6, 4] }, decoded: { colour: "#000000", dash: [] } };

/** A line on any ground: dark or coloured within white. */
function haloed(context, points, { colour, dash }) {
  line(context, points, "#FFFFFF", 3.4);
  line(context, points, colour, 1.6, dash);
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

function drawMap(context, box, panel, frame, theme) {
  const { ratio } = theme;
  const levels = frame.data[panel.levels], columns = levels.length / panel.rows;
  const width = Math.round((box.w * ratio * Math.min(columns * panel.step, frame.duration)) / frame.duration);
  const height = Math.round(box.h * ratio);
  if (columns && width) {
    const image = context.createImageData(width, height), pixels = new Uint32Array(image.data.buffer);
    for (let y = 0; y < height; y++) {
      const row = panel.rows - 1 - Math.floor((y * panel.rows) / height);
      for (let x = 0; x < width; x++) {
        pixels[y * width + x] = SHADES[levels[row * columns + Math.floor((x * columns) / width)] >> 8];
      }
    }
    context.putImageData(image, Math.round(box.x * ratio), Math.round(box.y * ratio));
  }
  const yOf = (angle) => box.y + box.h * (0.5 - angle / (2 * Math.PI));
  const xOf = (i) => box.x + (box.w * i * panel.step) / frame.duration;
  context.textAlign = "right";
  context.font = `${theme.size - 1}px ${theme.font}`;
  context.fillStyle = theme.text;
  for (const [angle, label] of ANGLES) {
    context.fillText(label, box.x - 8, yOf(angle));
    line(context, [[box.x - 5, yOf(angle)], [box.x, yOf(angle)]], theme.muted, 1);
  }
  context.save();
  context.beginPath();
  context.rect(box.x, box.y, box.w, box.h);
  context.clip();
  for (const { name, values } of panel.lines) {
    for (const piece of pieces(frame.data[values], (i, angle) => [xOf(i), yOf(angle)])) haloed(context, piece, ON_MAP[name]);
  }
  context.restore();
  let x = box.x + box.w;
  context.textAlign = "right";
  context.font = `${theme.size}px ${theme.font}`;
  for (const { name } of panel.lines) {
    context.fillStyle = theme.text;
    context.fillText(name, x, box.y - 11);
    x -= context.measureText(name).width + 6;
    haloed(context, [[x - 24, box.y - 11], [x, box.y - 11]], ON_MAP[name]);
    x -= 38;
  }
}
