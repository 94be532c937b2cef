/**
 * How fast whole models are, from samples to scores (`infer`) and step by step (`train`), beside their peers or beside
 * another checkout of Earshot.
 *
 * Everything is measured in processes that take turns, `--pairs` of each; a ratio is the median over the pairs. With
 * `--dtype q8` or `f16` the model is exported first, and peers run in 8 bits where they can. A step is the trainer's:
 * loss, gradients, clipping, AdamW, and the loss read back. Only PyTorch can train all of a model as we do;
 * `--part blocks` is what stock TensorFlow.js and jax-js can too (`_blocks.ts`).
 *
 * @module
 */
import { directoryFor, withModel } from "./_models.ts";
import {
  type Notes,
  OptionError,
  type Options,
  type OptionSpecs,
  type Question,
} from "./_question.ts";
import {
  fromWhereTyped,
  measureByScript,
  type Measured,
  type ModelRequest,
  ROOT,
} from "./_process.ts";
import { type BenchRow, besides, rowOf } from "./_records.ts";
import { median, medianRatio } from "./_timing.ts";
import { type Peer, PEERS } from "./peers/peers.ts";

/** Of two checkouts, where nothing else is said. */
const PAIRS_AGAINST = 7;

/** Everything of a request that the command line says. */
type Work = Omit<ModelRequest, "root" | "directory" | "original" | "scratch">;

/** Who is measured beside us. */
interface Contender {
  name: string;
  /** What was found, or why nothing can be. */
  measure(): Promise<Measured | string>;
}

const SHARED_OPTIONS: OptionSpecs = {
  model: { help: "tiny, small, base or a model directory", default: "small" },
  dtype: { help: "f32, f16 or q8", default: "f32" },
  threads: { help: "threads of WASM; some numbers, separated by commas", default: "1" },
  backend: { help: "wasm or webgpu", default: "wasm" },
  processor: { help: "count processor time: for one thread beside other work on the machine" },
  pairs: { help: "processes of each contender, in turn: 7 with --against, else 1", default: "" },
  peers: { help: "measure the peers that are installed" },
  peer: { help: "measure these of them, separated by commas", default: "" },
  python: { help: "Python that has torch", default: "python3" },
  against: { help: "measure another checkout of Earshot beside this one", default: "" },
};

/** `infer`. */
export const infer: Question = {
  asks: "How fast are whole models from samples to scores, beside their peers?",
  options: {
    ...SHARED_OPTIONS,
    seconds: { help: "lengths of a clip, separated by commas", default: "1,5,10" },
    batch: { help: "clips at once", default: "1" },
    rounds: { help: "timed runs of a process", default: "15" },
  },
  answer: (options, notes) => answer("infer", options, notes),
};

/** `train`. */
export const train: Question = {
  asks: "How fast are whole training steps, and what memory do they take, beside their peers?",
  options: {
    ...SHARED_OPTIONS,
    seconds: { help: "lengths of a clip, separated by commas", default: "1" },
    batch: { help: "clips at once", default: "8" },
    rounds: { help: "timed steps of a process", default: "11" },
    freeze: { help: "none, encoder or both, separated by commas", default: "none" },
    "side-by-side": {
      help: "of more than one thread: beside as many processes of one thread that share the work",
    },
    part: { help: "whole or blocks", default: "whole" },
  },
  answer: (options, notes) => answer("train", options, notes),
};

async function* answer(
  task: ModelRequest["task"],
  options: Options,
  notes: Notes,
): AsyncGenerator<BenchRow> {
  const works = worksOf(task, options);
  const peers = chosenPeers(task, options);
  const model = options.text("model");
  const pairs = pairsOf(options);
  yield* withModel(model, async function* (directories) {
    for (const work of works) {
      const ours = await requestOf(work, { root: ROOT, ...directories });
      const contenders = [
        ...await otherCheckout(work, options, directories),
        ...peers.map((peer) => contenderOf(peer, { ...ours, python: options.text("python") })),
      ];
      const self = { name: "Earshot", measure: () => measureEarshot(ours) };
      if (task === "train" && options.flag("side-by-side") && work.threads > 1) {
        const one = { ...ours, threads: 1, python: options.text("python") };
        contenders.push(
          sideBySide({ ...self, measure: () => measureEarshot(one) }, work.threads),
          ...peers.map((peer) => sideBySide(contenderOf(peer, one), work.threads)),
        );
      }
      yield* rowsOf(`${model}${nameOf(work)}`, { self, contenders, pairs, notes });
    }
  });
}

function pairsOf(options: Options): number {
  if (options.text("pairs") !== "") return options.count("pairs");
  return options.text("against") === "" ? 1 : PAIRS_AGAINST;
}

function worksOf(task: ModelRequest["task"], options: Options): Work[] {
  const shared = {
    task,
    dtype: options.oneOf("dtype", task === "infer" ? ["f32", "f16", "q8"] : ["f32"]),
    backend: options.oneOf("backend", ["wasm", "webgpu"]),
    batch: options.count("batch"),
    rounds: options.count("rounds"),
    clock: options.flag("processor") ? "processor" : "wall",
    part: task === "train" ? options.oneOf("part", ["whole", "blocks"]) : "whole",
  } as const;
  const freezes = task === "train"
    ? options.someOf("freeze", ["none", "encoder"] as const)
    : ["none" as const];
  return options.positives("seconds").flatMap((seconds) =>
    freezes.flatMap((freeze) =>
      options.counts("threads").map((threads) => ({ ...shared, seconds, freeze, threads }))
    )
  );
}

function nameOf(work: Work): string {
  const { dtype, backend, threads, batch, seconds, freeze, part, clock } = work;
  const device = backend === "webgpu" ? "WebGPU" : `${threads} thread${threads > 1 ? "s" : ""}`;
  const frozen = freeze === "encoder" ? ", encoder frozen" : "";
  const counted = clock === "processor" ? ", processor time" : "";
  return `${
    part === "blocks" ? " blocks" : ""
  } ${dtype}, ${device}, ${batch} x ${seconds} s${frozen}${counted}`;
}

function chosenPeers(task: ModelRequest["task"], options: Options): Peer[] {
  const all = PEERS[task];
  if (options.text("peer") === "") return options.flag("peers") ? Object.values(all) : [];
  return options.someOf("peer", Object.keys(all)).map((name) => all[name]!);
}

type Directories = { original: string; scratch: string };

async function requestOf(work: Work, place: Directories & { root: string }): Promise<ModelRequest> {
  return { ...work, ...place, directory: await directoryFor(work.dtype, place) };
}

async function otherCheckout(
  work: Work,
  options: Options,
  directories: Directories,
): Promise<Contender[]> {
  if (options.text("against") === "") return [];
  if (work.part === "blocks") throw new OptionError("--against without --part blocks", "both");
  const root = fromWhereTyped(options.text("against"));
  const request = await requestOf(work, { root, ...directories });
  return [{ name: `checkout ${await commitOf(root)}`, measure: () => measureEarshot(request) }];
}

/** The commit of a checkout, short. @throws {OptionError} where there is no checkout. */
export async function commitOf(root: string): Promise<string> {
  const args = ["-C", root, "rev-parse", "--short=7", "HEAD"];
  const { success, stdout } = await new Deno.Command("git", { args }).output();
  if (!success) throw new OptionError("--against a checkout of Earshot", root);
  return new TextDecoder().decode(stdout).trim();
}

function contenderOf(peer: Peer, request: ModelRequest & { python: string }): Contender {
  return { name: peer.name, measure: () => peer.measure(request) };
}

/** Some processes of one contender at once: a step then takes its share of the time of one. */
function sideBySide({ name, measure }: Contender, count: number): Contender {
  return {
    name: `${count} processes of ${name}`,
    async measure() {
      const all = await Promise.all(Array.from({ length: count }, measure));
      const found = all.filter((one) => typeof one !== "string");
      if (found.length < count) return all.find((one) => typeof one === "string")!;
      const share = (valueOf: (one: Measured) => number) =>
        found.reduce((sum, one) => sum + valueOf(one), 0) / count ** 2;
      return {
        ...found[0]!,
        medianMs: share(({ medianMs }) => medianMs),
        forwardMs: share(({ forwardMs }) => forwardMs),
        rssMb: found.reduce((sum, { rssMb }) => sum + rssMb, 0),
      };
    },
  };
}

async function measureEarshot(request: ModelRequest): Promise<Measured> {
  const script = request.part === "blocks" ? "_blocks_process.ts" : "_whole_model_process.ts";
  return await measureByScript<Measured>(script, request);
}

async function* rowsOf(
  name: string,
  { self, contenders, pairs, notes }: {
    self: Contender;
    contenders: Contender[];
    pairs: number;
    notes: Notes;
  },
): AsyncGenerator<BenchRow> {
  const found: Measured[] = [];
  const others = new Map<Contender, Measured[]>();
  for (let pair = 1; pair <= pairs; pair++) {
    notes.progress(`${name}: ${pair} of ${pairs}`);
    found.push(await self.measure() as Measured);
    for (const contender of contenders) {
      notes.progress(`${name}: ${pair} of ${pairs}, ${contender.name}`);
      const result = await contender.measure();
      if (typeof result !== "string") {
        others.set(contender, [...others.get(contender) ?? [], result]);
      } else if (pair === 1) notes.line(result);
    }
  }
  for (const [what, unit, valueOf] of FIGURES) {
    const values = found.map(valueOf).filter((value) => value !== undefined);
    if (values.length < found.length) continue;
    const row = rowOf(`${name}: ${what}`, median(values), unit);
    if (others.size === 0 || unit === "%") yield row;
    else {for (const [{ name }, all] of others) {
        yield besideOf(row, name, { values, others: all.map(valueOf) });
      }}
  }
}

function besideOf(
  row: BenchRow,
  name: string,
  { values, others }: { values: number[]; others: (number | undefined)[] },
): BenchRow {
  const known = others.filter((value) => value !== undefined);
  return known.length < values.length ? row : besides(row, name, medianRatio(known, values));
}

/** What is said of a model, in the order of the table. */
const FIGURES: readonly [string, BenchRow["unit"], (found: Measured) => number | undefined][] = [
  ["whole run", "ms", ({ medianMs }) => medianMs],
  ["forward pass", "ms", ({ forwardMs }) => forwardMs],
  ["of the peak", "%", ({ peakFraction }) => peakFraction && 100 * peakFraction],
  ["process to model", "ms", ({ loadMs }) => loadMs],
  ["process to first run", "ms", ({ firstMs }) => firstMs],
  ["most memory", "MB", ({ rssMb }) => rssMb],
  ["memory above start", "MB", ({ startMb, rssMb }) => startMb && rssMb - startMb],
];
