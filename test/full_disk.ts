/**
 * A full disk for tests. The device file that Linux has for it may only be written with all permissions,
 * which the tests do not have.
 *
 * @module
 */

/** Fails as Deno does when the disk is full. */
export function writeToFullDisk(): never {
  const message = "No space left on device (os error 28)";
  throw Object.assign(new Error(message), { code: "ENOSPC" });
}
