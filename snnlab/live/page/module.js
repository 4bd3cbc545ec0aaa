// A compiled model in WebAssembly: named buffers in its memory, entries that read and write them.

const VIEWS = { float32: Float32Array, float64: Float64Array, int32: Int32Array, uint32: Uint32Array, uint8: Uint8Array, bool: Uint8Array };

const bytesOf = (base64) => Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));

export class Module {
  /** Of the builds {simd, scalar}, in base64, the one that this browser can run. Throws an Error where it can run none. */
  static async of(builds, buffers) {
    if (typeof WebAssembly !== "object") throw new Error("this browser has no WebAssembly");
    const fast = bytesOf(builds.simd), build = WebAssembly.validate(fast) ? "simd" : "scalar";
    const { instance } = await WebAssembly.instantiate(build === "simd" ? fast : bytesOf(builds.scalar), {});
    instance.exports._initialize?.();
    return Object.assign(new Module(), { exports: instance.exports, buffers, build });
  }

  /** Call an entry, where the module has it: a model without a network has nothing to wire. */
  call(entry) {
    this.exports[entry]?.();
  }

  /** The leaves of a buffer as typed arrays, in the memory itself. */
  leaves(name) {
    return (this.buffers[name] ?? []).map(({ offset, shape, dtype }) => {
      const length = shape.reduce((product, size) => product * size, 1);
      return new VIEWS[dtype](this.exports.memory.buffer, offset, length);
    });
  }

  shapes(name) {
    return (this.buffers[name] ?? []).map(({ shape }) => shape);
  }

  /** Write numbers into a buffer of one leaf, where there is one. */
  write(name, values) {
    this.leaves(name)[0]?.set(values);
  }

  /** The first number of a buffer; undefined without one. */
  read(name) {
    return this.leaves(name)[0]?.[0];
  }
}
