// Colours, the dashes that go with them, and lines.

const COLOURS = { // Okabe and Ito's
  light: ["#0072B2", "#D55E00", "#009E73", "#CC79A7", "#7A6A00"],
  dark: ["#56B4E9", "#D55E00", "#009E73", "#CC79A7", "#F0E442"],
};
const DASHES = [[], [6, 3], [2, 2], [8, 3, 2, 3], [1, 3]]; // the second cue of a curve
const PINNED_DASH = [5, 4];

const rgb = (hex) => [1, 3, 5].map((i) => parseInt(hex.slice(i, i + 2), 16));

/** A 32-bit little-endian pixel: `share` of colour a over colour b. */
function pixel(a, b, share) {
  const [red, green, blue] = a.map((value, i) => Math.round(share * value + (1 - share) * b[i]));
  return ((255 << 24) | (blue << 16) | (green << 8) | red) >>> 0;
}

/** A line through points; where one is null or not a number, it is cut. */
function line(pen, points, colour, width, dash = []) {
  pen.beginPath();
  let drawing = false;
  for (const point of points) {
    const there = point !== null && Number.isFinite(point[0]) && Number.isFinite(point[1]);
    if (there && drawing) pen.lineTo(...point);
    else if (there) pen.moveTo(...point);
    drawing = there;
  }
  pen.strokeStyle = colour;
  pen.lineWidth = width;
  pen.setLineDash(dash);
  pen.stroke();
  pen.setLineDash([]);
}

function words(pen, text, x, y, { colour, size, font, align = "left", bold = false }) {
  pen.fillStyle = colour;
  pen.font = `${bold ? "600 " : ""}${size}px ${font}`;
  pen.textAlign = align;
  pen.fillText(text, x, y);
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

/** Of a picture that is taken away: dark on white, whatever the page. */
const PAPER = {
  background: "#ffffff",
  backgroundRGB: [255, 255, 255],
  text: "#1f1f1f",
  muted: "#666666",
  grid: "#e2e2e2",
  font: "system-ui, sans-serif",
  size: 12,
  colours: COLOURS.light,
};
