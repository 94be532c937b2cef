/**
 * Numbers as people read them.
 *
 * @module
 */

/** A narrow space that does not break. */
const NARROW_SPACE = "\u202f";

/** A share as a percentage; 0 and 100 only where they are exact. */
export function percent(share: number, digits = 1): string {
  if (!Number.isFinite(share)) return "–";
  if (share === 0 || share === 1) return `${100 * share}${NARROW_SPACE}%`;
  const text = (100 * share).toFixed(digits);
  const isRounded = (Number(text) === 100 && share < 1) || (Number(text) === 0 && share > 0);
  if (!isRounded) return `${text}${NARROW_SPACE}%`;
  const limit = share > 0.5 ? 100 - 10 ** -digits : 10 ** -digits;
  return `${share > 0.5 ? ">" : "<"}${limit.toFixed(digits)}${NARROW_SPACE}%`;
}

/** A whole number with its thousands apart. */
export function count(value: number): string {
  return String(value).replace(/\B(?=(\d{3})+$)/g, NARROW_SPACE);
}

/** A number and what it counts. */
export function counted(value: number, one: string, many = `${one}s`): string {
  return `${count(value)} ${value === 1 ? one : many}`;
}

/** Three digits that matter, with an exponent where there would be many zeros. */
export function short(value: number): string {
  if (!Number.isFinite(value)) return String(value);
  if (value === 0) return "0";
  const size = Math.abs(value);
  if (size >= 1e5 || size < 1e-3) {
    return value.toExponential(2).replace(/\.?0*e\+?/, "e");
  }
  return size >= 1000 ? value.toFixed(0) : value.toPrecision(3);
}

/** A number as digits and an exponent, where it is small. */
export function scientific(value: number): string {
  if (value === 0 || Math.abs(value) >= 0.1) return short(value);
  return value.toExponential(2).replace(/\.?0*e\+?/, "e");
}

/** A length of time, in the unit that fits it. */
export function seconds(value: number): string {
  const whole = Math.round(value);
  if (whole < 60) return `${value.toFixed(value < 9.95 ? 1 : 0)} s`;
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${whole % 60} s`;
  const minutes = Math.round(whole / 60);
  return `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

/** A coordinate in a drawing: a tenth of a pixel is enough. */
export function place(value: number): string {
  return String(Math.round(value * 10) / 10);
}
