// A pen for vector pictures: as much of a canvas's context as the view draws with, writing SVG elements.

const SVG = "http://www.w3.org/2000/svg";
const ANCHOR = { left: "start", center: "middle", right: "end" };
const STATE = ["fillStyle", "strokeStyle", "lineWidth", "globalAlpha", "font", "textAlign", "group", "dash"];

class SvgPen {
  fillStyle = "#000";
  strokeStyle = "#000";
  lineWidth = 1;
  globalAlpha = 1;
  font = "12px sans-serif";
  textAlign = "left";
  dash = [];
  static clips = 0;
  #d = "";
  #saved = [];

  constructor(svg) {
    this.group = svg;
  }
  #add(tag, attributes, parent = this.group) {
    const element = document.createElementNS(SVG, tag);
    for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
    parent.append(element);
    return element;
  }
  save() {
    this.#saved.push(STATE.map((name) => this[name]));
  }
  restore() {
    this.#saved.pop().forEach((value, i) => (this[STATE[i]] = value));
  }
  translate(x, y) {
    this.group = this.#add("g", { transform: `translate(${x} ${y})` });
  }
  rotate(angle) {
    this.group = this.#add("g", { transform: `rotate(${(angle * 180) / Math.PI})` });
  }
  clip() {
    const id = `snnlab-clip-${++SvgPen.clips}`; // unique in the page, where several views stand
    this.#add("path", { d: this.#d }, this.#add("clipPath", { id }));
    this.group = this.#add("g", { "clip-path": `url(#${id})` });
  }
  beginPath() {
    this.#d = "";
  }
  #point = (x, y) => `${+x.toFixed(2)} ${+y.toFixed(2)}`;
  moveTo(x, y) {
    this.#d += `M${this.#point(x, y)}`;
  }
  lineTo(x, y) {
    this.#d += `L${this.#point(x, y)}`;
  }
  closePath() {
    this.#d += "Z";
  }
  rect(x, y, w, h) {
    this.#d += `M${this.#point(x, y)}h${+w.toFixed(2)}v${+h.toFixed(2)}h${-w.toFixed(2)}Z`;
  }
  arc(x, y, r, from, to) {
    const at = (angle) => this.#point(x + r * Math.cos(angle), y + r * Math.sin(angle));
    const middle = (from + to) / 2; // in two halves: an arc of SVG cannot go all round
    this.#d += `${this.#d ? "L" : "M"}${at(from)}A${r} ${r} 0 0 1 ${at(middle)}A${r} ${r} 0 0 1 ${at(to)}`;
  }
  setLineDash(dash) {
    this.dash = dash;
  }
  stroke() {
    const { strokeStyle: stroke, lineWidth: width, dash } = this;
    this.path(this.#d, {
      stroke, "stroke-width": width, "stroke-linejoin": "round", ...(dash.length ? { "stroke-dasharray": dash.join(" ") } : {}),
    });
  }
  fill() {
    this.path(this.#d, { fill: this.fillStyle });
  }
  path(d, attributes) {
    if (d) this.#add("path", { d, fill: "none", ...this.#alpha(), ...attributes });
  }
  #alpha() {
    return this.globalAlpha < 1 ? { opacity: this.globalAlpha } : {};
  }
  fillRect(x, y, width, height) {
    this.#add("rect", { x, y, width, height, fill: this.fillStyle, ...this.#alpha() });
  }
  fillText(text, x, y) {
    const [, weight, size, family] = /^(?:(\d+) )?([\d.]+)px (.*)$/.exec(this.font);
    const element = this.#add("text", {
      x: +x.toFixed(2), y: +y.toFixed(2), dy: ".35em", fill: this.fillStyle, "font-size": size, "font-family": family,
      "text-anchor": ANCHOR[this.textAlign], ...(weight ? { "font-weight": weight } : {}),
    });
    element.textContent = text; // text from outside stays text
  }
  measureText(text) {
    const ruler = SvgPen.ruler ??= new OffscreenCanvas(1, 1).getContext("2d");
    ruler.font = this.font;
    return ruler.measureText(text);
  }
  /** Pixels as an image in a box. */
  image(canvas, x, y, width, height) {
    this.#add("image", { x, y, width, height, preserveAspectRatio: "none", href: canvas.toDataURL("image/png") });
  }
}
