// What is looked at: a stretch of time (and of neurons), and a moment that all panels share. No page is needed for it.

const FINEST = 20; // steps; nothing is zoomed further

const within = (value, low, high) => Math.min(high, Math.max(low, value));

export class Looking {
  frame = null;
  look = null; // {from, to} in ms after the frame's origin, {low, high} shares of the raster's neurons
  cursor = null; // the moment somebody chose, in ms of the run
  pointed = null; // the moment under a pointer, in ms of the run: it goes when the pointer goes
  picked = ""; // what was clicked at the cursor: a neuron's name

  /** Look at another frame: at the same stretch of it, where it is as long and has as many neurons. */
  take(frame) {
    const old = this.frame, size = (each) => each.panels.find(({ kind }) => kind === "raster")?.populations.map(({ n }) => n).join();
    this.frame = frame;
    if (old?.duration !== frame.duration) this.look = whole(frame);
    else if (size(old) !== size(frame)) this.look = { ...this.look, low: 0, high: 1 };
  }
  get zoomed() {
    const { from, to, low, high } = this.look;
    return from > 0 || to < this.frame.duration || low > 0 || high < 1;
  }
  /** Look at [from, to], as much of it as there is. */
  between(from, to) {
    const { duration } = this.frame, span = within(to - from, Math.min(duration, FINEST * stepOf(this.frame)), duration);
    const start = within((from + to - span) / 2, 0, duration - span);
    this.look = { ...this.look, from: start, to: start + span };
  }
  /** Look at a stretch `factor` times as long, around the moment t, which stays where it is. */
  zoom(factor, t = this.moment) {
    const { from, to } = this.look, around = t === null || t < from || t > to ? (from + to) / 2 : t;
    const start = around - (around - from) * factor;
    this.between(start, start + (to - from) * factor);
  }
  /** Move the stretch by a share of its length. */
  pan(share) {
    const { from, to } = this.look, move = within(share * (to - from), -from, this.frame.duration - to);
    this.look = { ...this.look, from: from + move, to: to + move };
  }
  rows(low, high) {
    const size = this.frame.panels.find(({ kind }) => kind === "raster").populations.reduce((sum, { n }) => sum + n, 0);
    const least = Math.min(1, 4 / size), middle = within((low + high) / 2, least / 2, 1 - least / 2);
    const half = Math.max(least, high - low) / 2;
    this.look = { ...this.look, low: within(middle - half, 0, 1), high: within(middle + half, 0, 1) };
  }
  whole() {
    this.look = whole(this.frame);
  }
  /** Choose a moment (ms after the origin); null: none. */
  place(t, picked = "") {
    this.cursor = t === null ? null : this.frame.origin + within(t, 0, this.frame.duration);
    this.picked = picked;
  }
  point(t) {
    this.pointed = t === null ? null : this.frame.origin + t;
  }
  /** The moment to show, in ms after the origin; null where none was chosen, or it has scrolled away. */
  get moment() {
    const at = this.pointed ?? this.cursor, t = at === null || !this.frame ? null : at - this.frame.origin;
    return t === null || t < 0 || t > this.frame.duration ? null : t;
  }
  /** Move the chosen moment by a share of the stretch, and the stretch with it where it would leave. */
  step(share) {
    const { from, to } = this.look, start = this.moment ?? (share > 0 ? from : to), dt = stepOf(this.frame);
    const move = Math.sign(share) * Math.max(dt, Math.abs(share) * (to - from));
    this.place(within(Math.round((start + move) / dt) * dt, 0, this.frame.duration));
    this.follow();
  }
  /** Bring the chosen moment into the stretch. */
  follow() {
    const t = this.moment, { from, to } = this.look;
    if (t !== null && (t < from || t > to)) this.pan((t - (from + to) / 2) / (to - from));
  }
}
