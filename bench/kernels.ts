/**
 * All kernels of WASM beside those of stock TensorFlow.js, in one table: a suite for each kind, in processes of
 * their own, one thread.
 *
 *     deno task bench [--suite linear,conv1d,attention,memory] [--json]
 *
 * `of peak` is the share of what the machine can do in that arithmetic, measured in the same run. What the stock binary
 * has not, such as the gradients of a convolution, has no figure beside it.
 *
 * @module
 */
import {
  type Output,
  parseArguments,
  processOutput,
  UsageError,
} from "../src/commands/registry.ts";
import { fmaPeakGflops } from "./_fma_peak.ts";
import type { MeasuredRow } from "./_measure.ts";

/** Our script and the stock one, which measures three suites at once. */
const SUITES = {
  linear: { ours: ["gemm_bench.ts"], stock: ["stock_tfjs.ts"] },
  conv1d: { ours: ["conv1d_bench.ts"], stock: ["stock_tfjs.ts"] },
  attention: { ours: ["attention_bench.ts"], stock: ["stock_tfjs.ts"] },
  memory: { ours: ["memory_bound_bench.ts"], stock: ["memory_bound_bench.ts", "--stock"] },
} as const;

type SuiteName = keyof typeof SUITES;

/** A line of the table. */
interface KernelRow extends MeasuredRow {
  suite: SuiteName;
  peakFraction: number | null;
  /** The best round of stock TensorFlow.js; null where it has no such operation. */
  stockMs: number | null;
}

const SPECS = {
  suite: { kind: "string", help: "linear, conv1d, attention, memory, or several" },
  json: { kind: "flag", help: "JSON lines" },
} as const;

/** What a script measures, from the lines that are JSON. */
async function rowsOf([script, ...args]: readonly string[]): Promise<MeasuredRow[]> {
  const path = new URL(script!, import.meta.url).pathname;
  const { success, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "--quiet", "-A", path, ...args, "--json"],
    stdin: "null",
  }).output();
  if (!success) {
    throw new RangeError(`Cannot measure with ${script}: ${new TextDecoder().decode(stderr)}`);
  }
  const lines = new TextDecoder().decode(stdout).split("\n");
  return lines.filter((line) => line.startsWith("{")).map((line) => JSON.parse(line));
}

function suitesOf(given: unknown): SuiteName[] {
  const names = String(given ?? Object.keys(SUITES)).split(",");
  const stranger = names.find((name) => !Object.hasOwn(SUITES, name));
  if (stranger === undefined) return names as SuiteName[];
  const known = Object.keys(SUITES).join(", ");
  throw new UsageError(`Cannot run the bench: expected --suite of ${known}, found ${stranger}`);
}

function lineOf({ name, bestMs, medianMs, rate, unit, peakFraction, stockMs }: KernelRow): string {
  const peak = peakFraction === null ? "–" : `${(100 * peakFraction).toFixed(0)} %`;
  return [
    name.padEnd(56),
    bestMs.toFixed(3).padStart(9),
    medianMs.toFixed(3).padStart(9),
    `${rate.toFixed(1).padStart(7)} ${unit.padEnd(6)}`,
    peak.padStart(7),
    (stockMs?.toFixed(3) ?? "–").padStart(10),
    (stockMs === null ? "–" : `${(stockMs / bestMs).toFixed(1)} x`).padStart(8),
  ].join(" ");
}

const HEADINGS = [
  "milliseconds".padEnd(56),
  ...["best", "median"].map((heading) => heading.padStart(9)),
  "rate".padStart(14),
  "of peak".padStart(7),
  "stock tfjs".padStart(10),
  "faster".padStart(8),
].join(" ");

async function runSuites(suites: readonly SuiteName[], output: Output): Promise<void> {
  const fmaPeak = fmaPeakGflops();
  const stockRows = new Map<string, MeasuredRow[]>();
  output.line(`WASM, 1 thread; peak ${fmaPeak.toFixed(1)} GFLOPS`);
  output.line(HEADINGS);
  for (const suite of suites) {
    const { ours, stock } = SUITES[suite];
    const key = stock.join(" ");
    const rivals = stockRows.get(key) ?? await rowsOf(stock);
    stockRows.set(key, rivals);
    for (const row of await rowsOf(ours)) {
      const peak = row.peakRate ?? (row.unit === "GFLOPS" ? fmaPeak : undefined);
      const kernelRow: KernelRow = {
        suite,
        ...row,
        peakFraction: peak === undefined ? null : row.rate / peak,
        stockMs: rivals.find(({ name }) => name === row.name)?.bestMs ?? null,
      };
      output.line(lineOf(kernelRow));
      output.event(kernelRow);
    }
  }
}

try {
  const { options, files } = parseArguments(Deno.args, { options: SPECS });
  if (files.length > 0) throw new UsageError(`Cannot run the bench: found "${files[0]}"`);
  await runSuites(suitesOf(options.suite), processOutput(options.json === true));
} catch (error) {
  if (!(error instanceof Error)) throw error;
  console.error(error.message);
  Deno.exitCode = error instanceof UsageError ? 2 : 1;
}
