/**
 * Why a port or an address cannot be had, in one line, on every host.
 *
 * @module
 */
import type { Address } from "./host.ts";

/** What hosts call it: Deno by the error's name, Node and Bun by its code. */
const REASONS: Readonly<Record<string, (address: Address) => string>> = {
  AddrInUse: ({ port }) => `on port ${port}: expected a free one, found it in use`,
  PermissionDenied: ({ port }) => `on port ${port}: expected one from 1024, found no right to it`,
  AddrNotAvailable: ({ hostname }) =>
    `on "${hostname}": expected an address of this machine, found another`,
  UnknownHost: ({ hostname }) => `on "${hostname}": expected an address, found none of that name`,
};

const CODES: Readonly<Record<string, string>> = {
  EADDRINUSE: "AddrInUse",
  EACCES: "PermissionDenied",
  EADDRNOTAVAIL: "AddrNotAvailable",
  ENOTFOUND: "UnknownHost",
  EAI_AGAIN: "UnknownHost",
};

/**
 * The error in our words, where it is one of listening.
 *
 * @param error what the host threw.
 * @param address where it was to listen.
 */
export function listenFailure(error: unknown, address: Address): RangeError | undefined {
  const { name = "", code = "", message = "" } = error as Partial<Record<string, string>>;
  const isUnknown = /failed to lookup|not known/.test(message);
  const reason = REASONS[isUnknown ? "UnknownHost" : CODES[code] ?? name];
  const stated = { port: 8_000, hostname: "0.0.0.0", ...address };
  return reason && new RangeError(`Cannot listen ${reason(stated)}`, { cause: error });
}
