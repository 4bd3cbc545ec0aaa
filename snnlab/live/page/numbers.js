// Numbers as Python writes them: the page's status line, its code and its links are those of the notebook.

/** Rounded to the nearest whole number, a half to the even one. */
export function rounded(x) {
  const low = Math.floor(x);
  if (x - low !== 0.5) return Math.round(x);
  return low % 2 ? low + 1 : low;
}

/** Python's f"{x:.{digits}f}": exact, a tie to the even digit, which toFixed takes upwards. */
export function fixed(x, digits) {
  if (!Number.isFinite(x)) return Number.isNaN(x) ? "nan" : x > 0 ? "inf" : "-inf";
  if (Math.abs(x) >= 1e21) return BigInt(x).toString() + (digits ? `.${"0".repeat(digits)}` : "");
  if (Object.is(x, -0)) return `-${fixed(0, digits)}`;
  const [whole, rest] = x.toFixed(Math.min(100, digits + 60)).split(".");
  if (!/^50*$/.test(rest.slice(digits))) return x.toFixed(digits);
  const kept = whole + (digits ? `.${rest.slice(0, digits)}` : "");
  return Number(kept.at(-1)) % 2 ? x.toFixed(digits) : kept;
}

function exponential(digits, exponent) {
  const size = String(Math.abs(exponent)).padStart(2, "0");
  return `${digits}e${exponent < 0 ? "-" : "+"}${size}`;
}

const trimmed = (text) => (text.includes(".") ? text.replace(/\.?0+$/, "") : text);

/** Python's f"{x:.{digits}g}". */
export function general(x, digits = 6) {
  if (!Number.isFinite(x)) return Number.isNaN(x) ? "nan" : x > 0 ? "inf" : "-inf";
  if (x === 0) return Object.is(x, -0) ? "-0" : "0";
  const [mantissa, power] = x.toExponential(digits - 1).split("e");
  const exponent = Number(power);
  if (exponent < -4 || exponent >= digits) return exponential(trimmed(mantissa), exponent);
  return trimmed(x.toFixed(digits - 1 - exponent));
}

/** Python's repr of an int or a float. */
export function repr(x, integer = false) {
  if (integer || !Number.isFinite(x)) return Number.isFinite(x) ? x.toFixed(0) : general(x);
  const size = Math.abs(x);
  if (size !== 0 && (size < 1e-4 || size >= 1e16)) {
    const [mantissa, power] = x.toExponential().split("e");
    return exponential(mantissa, Number(power));
  }
  const text = Object.is(x, -0) ? "-0" : String(x);
  return text.includes(".") ? text : `${text}.0`;
}
