/**
 * What the fuzzer tries: a parser, the inputs that are made for it by number, and what may become of one.
 *
 * @module
 */
import { HTTPException } from "hono/http-exception";
import * as errors from "../../src/errors.ts";
import { Dice } from "./dice.ts";

/** What became of an input. */
export type Outcome = "read" | "refused";

/** An input of a parser. */
export interface FuzzInput {
  bytes: Uint8Array;
  /** What has to become of it; either where nothing is said. */
  expected?: Outcome;
}

/** A parser under test. */
export interface FuzzTarget {
  /** Makes an input. */
  make(dice: Dice): FuzzInput | Promise<FuzzInput>;
  /** Parses all of it. @throws what the parser throws. */
  parse(bytes: Uint8Array): void | Promise<void>;
  /** How many inputs the gate gives it. */
  inputs: number;
}

/** Inputs are no larger. */
export const MAX_INPUT_BYTES = 2 ** 16;
/** Of audio, in seconds; nothing is decoded beyond. */
export const MAX_SECONDS = 60;

/** Errors of the language are ours where they say what was expected; those of libraries do not. */
const OURS = /^Cannot [^]+: expected [^]+/;
/** Our types of errors. */
const TYPED = Object.values(errors);
/** Longer ones would bury what they say. */
const MAX_MESSAGE = 900;

/** An input that became what it must not. */
export class FuzzError extends RangeError {
  override readonly name = "FuzzError";
}

/** The input of a number. */
export async function inputOf(target: FuzzTarget, number: number): Promise<FuzzInput> {
  const { bytes, expected } = await target.make(new Dice(number));
  // What was cut off can no longer be what was expected.
  return bytes.length <= MAX_INPUT_BYTES
    ? { bytes, expected }
    : { bytes: bytes.slice(0, MAX_INPUT_BYTES) };
}

/**
 * Parses an input.
 *
 * @throws {FuzzError} where the parser throws an error that is not ours, or does not do what it has to.
 */
export async function tryInput(target: FuzzTarget, number: number): Promise<Outcome> {
  const { bytes, expected } = await inputOf(target, number);
  const found = await outcomeOf(target, bytes, number);
  if (expected === undefined || found === expected) return found;
  throw new FuzzError(`Cannot accept input ${number}: expected it ${expected}, found it ${found}`);
}

async function outcomeOf(
  target: FuzzTarget,
  bytes: Uint8Array,
  number: number,
): Promise<Outcome> {
  try {
    await target.parse(bytes);
    return "read";
  } catch (error) {
    if (isOurs(error)) return "refused";
    const shown = error instanceof Error ? error.stack : String(error);
    throw new FuzzError(
      `Cannot accept input ${number}: expected an error of ours, found ${shown}`,
      {
        cause: error,
      },
    );
  }
}

function isOurs(error: unknown): boolean {
  if (!(error instanceof Error) || error.message.length > MAX_MESSAGE) return false;
  if (error instanceof HTTPException) return error.status < 500;
  return TYPED.some((type) => error instanceof type) || OURS.test(error.message);
}
