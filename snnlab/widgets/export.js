// A picture to take away: dark on white, with the explorer's name and what its status line says.

const HEAD = { line: 18, top: 14 };

/** Words in lines that fit a width. */
function wrapped(pen, text, width) {
  const lines = [];
  for (const word of text.split(/\s+/).filter(Boolean)) {
    const longer = lines.length ? `${lines.at(-1)} ${word}` : word;
    if (lines.length && pen.measureText(longer).width <= width) lines[lines.length - 1] = longer;
    else lines.push(word);
  }
  return lines;
}

/** Draw the title, the words and the scene at a moment (null: none chosen), `width` wide; `ready(height)` gives the pen. */
function compose(scene, size, { title, text, label }, t, ready) {
  const ruler = new OffscreenCanvas(1, 1).getContext("2d"), { w, h } = size, { font } = PAPER;
  ruler.font = `12px ${font}`;
  const lines = [...wrapped(ruler, text, w - 32), ...(label ? [`- - -  ${label}`] : [])];
  const head = HEAD.top + HEAD.line * (lines.length + 1) + 4;
  const pen = ready(head + h), on = { ...scene, theme: { ...PAPER, ratio: scene.theme.ratio }, memory: { ...scene.memory } };
  const area = { x: 0, y: head, w, h };
  pen.fillStyle = PAPER.background;
  pen.fillRect(0, 0, w, head);
  pen.textBaseline = "middle";
  words(pen, title, 16, HEAD.top + 4, { colour: PAPER.text, size: 14, font, bold: true });
  lines.forEach((each, i) => words(pen, each, 16, HEAD.top + HEAD.line * (i + 1) + 4, { colour: PAPER.text, size: 12, font }));
  drawScene(pen, area, on);
  drawMoment(pen, area, on, t);
}

/** A picture of a scene as a Blob: "png", in two pixels to a CSS pixel at least, or "svg". */
export async function pictureBlob(kind, scene, size, said, t) {
  if (kind === "svg") {
    const svg = document.createElementNS(SVG, "svg");
    compose(scene, size, said, t, (height) => {
      for (const [key, value] of Object.entries({ width: size.w, height, viewBox: `0 0 ${size.w} ${height}` })) svg.setAttribute(key, value);
      return new SvgPen(svg);
    });
    return new Blob([new XMLSerializer().serializeToString(svg)], { type: "image/svg+xml" });
  }
  if (kind !== "png") throw new Error(`no picture of the kind ${kind}; there are png and svg`);
  const ratio = Math.max(2, scene.theme.ratio), canvas = document.createElement("canvas");
  compose({ ...scene, theme: { ...scene.theme, ratio } }, size, said, t, (height) => {
    [canvas.width, canvas.height] = [Math.round(size.w * ratio), Math.round(height * ratio)];
    const context = canvas.getContext("2d");
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    return context;
  });
  return new Promise((done, failed) => canvas.toBlob((blob) => (blob ? done(blob) : failed(new Error("no PNG"))), "image/png"));
}
