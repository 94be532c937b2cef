/**
 * The command line of `infer.ts` and `train.ts`: options, one row after the other, peers after each.
 *
 * Exit code 2 where an option is wrong, 1 where a row fails.
 *
 * @module
 */
import {
  type Output,
  parseArguments,
  processOutput,
  UsageError,
} from "../src/commands/registry.ts";
import { isPreset } from "../src/train/options/presets.ts";
import type { PeerResult } from "./peers/peers.ts";
import {
  headings,
  lineOf,
  measureOurs,
  ratesOf,
  rowOf,
  type RowRequest,
  withModelDirectory,
} from "./_rows.ts";

type Request = Omit<RowRequest, "spawnedAt">;

/** What the two benches differ in. */
export interface BenchOptions {
  task: "infer" | "train";
  /** Measures one of our rows, and which parts of a model have one. */
  scripts: Partial<Record<RowRequest["part"], string>>;
  defaults: { batch: string; seconds: string; rounds: string };
  dtypes: readonly RowRequest["dtype"][];
  /** By the names that `--peer` takes. */
  peers: Record<string, (python: string, request: Request) => Promise<PeerResult>>;
}

const SPECS = {
  model: { kind: "string", help: "small, base or a model directory" },
  dtype: { kind: "string", help: "f32, f16 or q8" },
  seconds: { kind: "string", help: "lengths, separated by commas" },
  threads: { kind: "number", help: "threads of WASM" },
  batch: { kind: "number", help: "clips at once" },
  backend: { kind: "string", help: "wasm or webgpu" },
  freeze: { kind: "string", help: "none or encoder" },
  part: { kind: "string", help: "whole or blocks" },
  rounds: { kind: "number", help: "timed runs" },
  peers: { kind: "flag", help: "measure the peers that are installed" },
  peer: { kind: "string", help: "measure these of them, separated by commas" },
  python: { kind: "string", help: "Python that has torch" },
  json: { kind: "flag", help: "JSON lines" },
} as const;

type Given = Partial<Record<keyof typeof SPECS, string | number | boolean>>;

function oneOf<Word extends string>(name: string, found: unknown, words: readonly Word[]): Word {
  if (words.includes(found as Word)) return found as Word;
  throw new UsageError(
    `Cannot run the bench: expected --${name} ${words.join(" or ")}, found ${found}`,
  );
}

function aboveZero(name: string, found: unknown, whole = true): number {
  const value = Number(found);
  if (value > 0 && Number.isFinite(value) && (!whole || Number.isInteger(value))) return value;
  throw new UsageError(
    `Cannot run the bench: expected --${name} above 0${whole ? ", whole" : ""}, found ${found}`,
  );
}

/** The rows that are asked for, without their directories. */
function plan(
  given: Given,
  { task, scripts, defaults, dtypes }: BenchOptions,
): Omit<Request, "directory" | "original" | "scratch">[] {
  const shared = {
    task,
    dtype: oneOf("dtype", given.dtype ?? "f32", dtypes),
    backend: oneOf("backend", given.backend ?? "wasm", ["wasm", "webgpu"]),
    threads: aboveZero("threads", given.threads ?? 1),
    batch: aboveZero("batch", given.batch ?? defaults.batch),
    freeze: oneOf("freeze", given.freeze ?? "none", ["none", "encoder"]),
    part: oneOf("part", given.part ?? "whole", Object.keys(scripts) as RowRequest["part"][]),
    rounds: aboveZero("rounds", given.rounds ?? defaults.rounds),
  };
  const lengths = String(given.seconds ?? defaults.seconds).split(",");
  return lengths.map((length) => ({ ...shared, seconds: aboveZero("seconds", length, false) }));
}

/** The peers that are asked for. */
function chosenPeers(given: Given, { peers }: BenchOptions): BenchOptions["peers"][string][] {
  if (given.peer === undefined) return given.peers ? Object.values(peers) : [];
  const names = String(given.peer).split(",");
  return names.map((name) => peers[oneOf("peer", name, Object.keys(peers))]!);
}

async function measureRow(
  request: Request,
  given: Given,
  options: BenchOptions,
  output: Output,
): Promise<void> {
  const model = String(given.model ?? "small");
  const print = (row: ReturnType<typeof rowOf>) => {
    output.line(lineOf(row));
    output.event(row);
  };
  const ours = await measureOurs(options.scripts[request.part]!, request);
  print(rowOf(request, ours, model));
  for (const peer of chosenPeers(given, options)) {
    const found = await peer(String(given.python ?? "python3"), request);
    if ("missing" in found) output.line(found.missing);
    else print(rowOf(request, { ...ratesOf(found, ours), peer: found.peer }, model));
  }
}

/** Runs a bench and gives the exit code of the process. */
export async function runBench(args: readonly string[], options: BenchOptions): Promise<number> {
  try {
    const { options: given, files } = parseArguments(args, { options: SPECS });
    if (files.length > 0) throw new UsageError(`Cannot run the bench: found "${files[0]}"`);
    const requests = plan(given, options);
    const output = processOutput(given.json === true);
    const model = String(given.model ?? "small");
    const { dtype } = requests[0]!;
    chosenPeers(given, options);
    output.line(`${isPreset(model) ? `preset ${model}` : model}, ${dtype}, milliseconds`);
    output.line(headings());
    await withModelDirectory(model, dtype, async (directories) => {
      for (const request of requests) {
        await measureRow({ ...request, ...directories }, given, options, output);
      }
    });
    return 0;
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    console.error(error.message);
    return error instanceof UsageError ? 2 : 1;
  }
}
