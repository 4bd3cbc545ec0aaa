// Runs while a slider is dragged: one at a time in the worker, the newest request waiting. The rules are those of
// widgets/runner.py: a run under way is finished, or no frame would ever appear, unless it takes longer than PATIENCE;
// then it is given up for the newer one once it has shown what it has (which the worker does every PATIENCE).

const DRAWN_WITHIN = 1000; // ms; a page that has not drawn a frame by then is taken to be hidden

export class Runner {
  /**
   * `begin()` gives what is to be run; `heard(message, given)` hears what the worker says
   * about the run that was `given` to it.
   */
  constructor(package_, begin, heard) {
    Object.assign(this, { begin, heard, id: 0, busy: false, wanted: false, undrawn: false, ready: false, broken: false });
    this.source = URL.createObjectURL(new Blob([WORKER], { type: "text/javascript" }));
    this.worker = new Worker(this.source);
    this.worker.onmessage = ({ data }) => this.hear(data);
    this.worker.onerror = (event) => {
      event.preventDefault?.();
      this.hear({ broken: event.message ? `its worker failed: ${event.message}` : "the browser refused its worker" });
    };
    this.worker.postMessage({ load: package_ });
  }

  /** Ask for a run of what `begin` will find. */
  request() {
    this.wanted = true;
    this.next();
  }

  next() {
    if (!this.wanted || this.busy || this.undrawn || !this.ready) return;
    this.wanted = false;
    this.busy = true;
    this.given = { id: (this.id += 1), ...this.begin() };
    this.worker.postMessage({ run: this.given });
  }

  /** End the run under way after its chunk, keeping what it has; forget what waits. */
  stop() {
    this.wanted = false;
    if (this.busy) this.worker.postMessage({ stop: true });
  }

  /** The spikes or the samples of the last run as a file. */
  table(what) {
    this.worker.postMessage({ export: what });
  }

  /** The view has drawn a frame: the next may come. */
  drawn() {
    clearTimeout(this.late);
    this.undrawn = false;
    this.next();
  }

  hear(message) {
    if (this.broken || (message.id !== undefined && message.id !== this.id)) return;
    if (message.ready) {
      this.ready = true;
      URL.revokeObjectURL(this.source);
    }
    if (message.broken) {
      this.broken = true;
      this.worker.terminate();
    }
    if (message.finished || message.failed || (message.frame && this.wanted)) this.busy = false;
    const { given } = this;
    this.next(); // it goes on while the frame of the last one is drawn
    if (message.frame) {
      this.undrawn = true;
      clearTimeout(this.late);
      this.late = setTimeout(() => this.drawn(), DRAWN_WITHIN);
    }
    this.heard(message, given);
  }
}
