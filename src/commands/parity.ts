/**
 * `parity`: runs golden case directories through the public code and prints the largest differences.
 *
 * A line of JSON for each goes to standard output, with `--json` or without: programs read it.
 *
 * A case is a model directory with `inputs.safetensors`, `expected.safetensors` and `meta.json` as the reference kit
 * makes them. How it is compared, and what is allowed, is in `_parity_case.ts`.
 *
 * @module
 */
import { basename, resolve } from "node:path";
import { useDevice } from "../devices.ts";
import { UsageError } from "./_arguments.ts";
import { type Command, defineCommand, DEVICE_OPTIONS, deviceOptions } from "./_command.ts";
import { withGoldenCase } from "./_golden_case.ts";
import type { Output } from "./_output.ts";
import { compareCase, type Differences, isWithinLimits } from "./_parity_case.ts";

/** `parity` on the command line. */
export const command: Command = defineCommand({
  usage: "parity DIR ... [--backend wasm|webgpu]",
  options: DEVICE_OPTIONS,
  examples: [
    "parity path/to/golden/wav2vec2-group",
    "parity path/to/golden/wav2vec2-* --backend webgpu",
  ],
  run: async ({ options, files }, out) => {
    if (files.length === 0) {
      throw new UsageError("Cannot compare: expected case directories, found none", {
        hint: "Name one or more, as in: parity path/to/golden/wav2vec2-group",
      });
    }
    const device = await useDevice(deviceOptions(options, { threads: 0 }));
    out.warn(`Device: ${device.description}`);
    try {
      let failed = 0;
      for (const directory of files) {
        const result = await resultOf(directory, device.backend, out);
        console.log(JSON.stringify(result));
        if (!result.ok) failed++;
      }
      out.warn(`${files.length - failed} of ${files.length} cases within the limits`);
      return failed === 0 ? 0 : 1;
    } finally {
      device.dispose();
    }
  },
});

/** A case that cannot be read is one outside the limits, and the next ones still run. */
async function resultOf(
  directory: string,
  backend: string,
  out: Output,
): Promise<ParityResult | FailedCase> {
  try {
    return await runParityCase(directory, backend);
  } catch (error) {
    const { message } = error as Error;
    out.warn(message);
    return { case: caseName(directory), backend, ...NOTHING_COMPARED, ok: false, error: message };
  }
}

function caseName(directory: string): string {
  return basename(resolve(directory));
}

/** One line of the report: the largest differences of a case. */
export interface ParityResult extends Differences {
  case: string;
  backend: string;
  ok: boolean;
}

/** One line of the report for a case that could not be read or run. */
interface FailedCase extends Record<keyof Differences, null> {
  case: string;
  backend: string;
  ok: false;
  error: string;
}

const NOTHING_COMPARED: Record<keyof Differences, null> = {
  logits: null,
  hidden: null,
  loss: null,
  grad: null,
  steps: null,
};

/**
 * Compares one case on the device in use.
 *
 * @throws {CheckpointError} when a file of the case is missing or broken.
 */
export async function runParityCase(directory: string, backend: string): Promise<ParityResult> {
  const differences = await withGoldenCase(directory, compareCase);
  const ok = isWithinLimits(differences);
  return { case: caseName(directory), backend, ...differences, ok };
}
