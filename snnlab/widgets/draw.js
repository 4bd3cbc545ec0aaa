// Draws a scene: a frame (`frame`), one to compare it with (`pinned`, or null), the theme, the stretch of time and of
// neurons that is looked at (`look`: from, to in ms after the origin, low, high as shares) and `memory`, which keeps
// vertical ranges from one frame to the next. A pen is a canvas's 2d context or an SvgPen.

const PANELS = {
  raster: drawRaster, map: drawMap, rates: drawCurves, traces: drawCurves,
  "phase plane": drawPhasePlane, psychometric: drawPsychometric,
};

/** All of a run: what is looked at before anybody zooms. */
export const whole = (frame) => ({ from: 0, to: frame.duration, low: 0, high: 1 });

/** Draw a scene in the rectangle `area` (x, y, w, h in CSS pixels) of a pen. */
export function drawScene(pen, area, scene) {
  const { frame, theme } = scene;
  pen.fillStyle = theme.background;
  pen.fillRect(area.x, area.y, area.w, area.h);
  pen.textBaseline = "middle";
  const boxes = placed(frame.panels, area).boxes;
  frame.panels.forEach((panel, i) => {
    const box = boxes[i];
    const taken = PANELS[panel.kind](pen, box, panel, scene) ?? 0; // by names at the right of the title
    pen.font = `${theme.size}px ${theme.font}`;
    const title = fitting(pen, panel.title, box.w - taken);
    words(pen, title, box.x, box.y - 11, { colour: theme.text, size: theme.size, font: theme.font });
    if (isTimed(panel)) drawTimeAxis(pen, box, scene, !frame.panels.slice(i + 1).some(isTimed), area.x + area.w);
  });
}

/** As many words of a text as a width has room for. */
function fitting(pen, text, width) {
  const all = text.split(" ");
  let n = all.length;
  const some = () => (n === all.length ? text : `${all.slice(0, n).join(" ").replace(/[,;:]$/, "")} ...`);
  while (n > 1 && pen.measureText(some()).width > width) n--;
  return some();
}

/** `arrange`, in an area. */
export function placed(panels, { x, y, w, h }) {
  const { boxes, picture } = arrange(panels, w, h);
  const move = (box) => box && { ...box, x: box.x + x, y: box.y + y, ...(box.edge ? { edge: box.edge + x } : {}) };
  return { boxes: boxes.map(move), picture: move(picture) };
}

function drawTimeAxis(pen, box, { frame, theme, look }, last, edge) {
  const { x } = timeScale(box, look), { origin } = frame;
  const style = { colour: theme.text, size: theme.size - 1, font: theme.font, align: "center" };
  for (const t of ticks(origin + look.from, origin + look.to, Math.max(2, box.w / 80))) {
    const at = x(t - origin);
    line(pen, [[at, box.y + box.h], [at, box.y + box.h + 4]], theme.muted, 1);
    if (!last) continue;
    pen.font = `${style.size}px ${style.font}`;
    const half = pen.measureText(String(t)).width / 2;
    words(pen, String(t), Math.min(at, edge - half - 1), box.y + box.h + 13, style);
  }
  if (last) words(pen, "time (ms)", box.x + box.w / 2, box.y + box.h + 30, { ...style, size: theme.size });
  const left = box.x - 0.5, low = box.y + box.h + 0.5; // outside, so that no spike at the start is hidden
  line(pen, [[left, box.y], [left, low], [box.x + box.w, low]], theme.muted, 1);
  if (frame.end < look.to && frame.end >= look.from) {
    line(pen, [[x(frame.end), box.y], [x(frame.end), box.y + box.h]], theme.text, 1, [3, 3]);
  }
}

/** Draw a scene on a canvas whose width and height are device pixels (theme.ratio to a CSS pixel). */
export function draw(canvas, scene) {
  const { ratio } = scene.theme, context = canvas.getContext("2d");
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  drawScene(context, { x: 0, y: 0, w: canvas.width / ratio, h: canvas.height / ratio }, scene);
}
