/**
 * Starts the WASM device that a bench names on its command line.
 *
 * @module
 */
import { parseArgs } from "node:util";
import { startWasm } from "../src/kernels/wasm/mod.ts";

/** `--threads N` (1), `--plain` for the build without relaxed SIMD; prints what runs. */
export async function startBenchDevice(): Promise<void> {
  const { values } = parseArgs({
    args: Deno.args,
    options: {
      threads: { type: "string", default: "1" },
      plain: { type: "boolean", default: false },
      json: { type: "boolean", default: false },
    },
  });
  const relaxedSimd = values.plain ? false : undefined;
  const device = await startWasm({ threads: Number(values.threads), relaxedSimd });
  console.log(device.description);
}
