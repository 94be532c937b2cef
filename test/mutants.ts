/**
 * Mutants, `deno task mutants`: do the tests see one wrong place in the code? Not part of the gate; it takes hours.
 *
 * Places come from `mutant_sites.ts`. Each is tried in a copy of the repository, without the reference kit and without
 * WebGPU, tests next to the changed file first, until one fails. A table in Markdown goes to standard output.
 *
 *     deno task mutants [--count 30] [--seed 20261130] [--skip 0] [--list] [--json] [--no-baseline] [FILE:LINE ...]
 *
 * With `--list` nothing runs; with places named, these are tried alone. What does not compile, and what is known to
 * change nothing, is replaced by the next place and listed with the reason.
 *
 * @module
 */
import { dirname, join, relative } from "node:path";
import { parseArgs } from "node:util";
import { chooseSites, type Site, sitesIn } from "./mutant_sites.ts";

const ROOT = join(import.meta.dirname!, "..");
const FOLDERS = ["models", "layers", "operations", "train", "features", "audio"];
const PARITY = "test/parity_test.ts";
const MINUTE_MS = 60_000;
/** How long a batch of tests may take on a busy machine: so much, and so much more for each file of it. */
const BATCH_MINUTES = 10;
const FILE_MINUTES = 0.5;
/** A backend that this system has not, so that there is no adapter. */
const NO_WEBGPU = Deno.build.os === "windows" ? "metal" : "dx12";

/** Mutants that change nothing that a user could see, each by its file and the line it becomes. */
const EQUIVALENT: readonly { file: string; after: string; reason: string }[] = [
  {
    file: "src/operations/weight_forms.ts",
    after:
      "return Number.isInteger(groups) && groups >= 0 && shape[0]! % groups === 0 ? groups : 1;",
    reason: "no number has a remainder by 0",
  },
  {
    file: "src/audio/_crc.ts",
    after: "for (; i + 4 < bytes.length; i += 4) {",
    reason: "the last four bytes are taken one by one",
  },
  {
    file: "src/train/metrics/ranking_metrics.ts",
    after: "if (labels[at]! >= 0.5) group.positive++;",
    reason: "labels are 0 or 1",
  },
  {
    file: "src/train/metrics/metrics.ts",
    after: "labels.forEach((label, i) => note(i % classes, label >= 0.5, logits[i]! > 0));",
    reason: "labels are 0 or 1",
  },
  {
    file: "src/models/given_labels.ts",
    after: "for (let i = 0; i <= count; i++) {",
    reason: "past the end of both lists nothing equals nothing",
  },
  {
    file: "src/models/audio_spectrogram_transformer.ts",
    after: "const [times, bands] = patchGrid(config, frames);",
    reason: "only their product is used",
  },
  {
    file: "src/layers/batch_norm.ts",
    after: "const [frames, batch, channels] = x.shape as [number, number, number];",
    reason: "only their product is used",
  },
];

const { values: options, positionals } = parseArgs({
  args: Deno.args,
  allowPositionals: true,
  options: {
    count: { type: "string", default: "30" },
    seed: { type: "string", default: "20261130" },
    skip: { type: "string", default: "0" },
    list: { type: "boolean", default: false },
    json: { type: "boolean", default: false },
    "no-baseline": { type: "boolean", default: false },
  },
});

/** What came of a site. */
interface Result extends Site {
  outcome: "killed" | "survived" | "not counted";
  /** The test that failed, or the reason. */
  by: string;
  seconds: number;
}

/** TypeScript files of a folder, in the order of their names. */
function filesIn(folder: string): string[] {
  const entries = [...Deno.readDirSync(join(ROOT, folder))];
  return entries.sort((a, b) => a.name < b.name ? -1 : 1).flatMap(({ name, isDirectory }) => {
    const path = `${folder}/${name}`;
    return isDirectory ? filesIn(path) : name.endsWith(".ts") ? [path] : [];
  });
}

function read(file: string): string {
  return Deno.readTextFileSync(join(ROOT, file));
}

function folderOf({ file }: Site): string {
  return file.split("/")[1]!;
}

/** The relative imports of every file, by the file that is imported. */
function importers(files: readonly string[]): Map<string, string[]> {
  const found = new Map<string, string[]>();
  for (const file of files) {
    for (const [, to] of read(file).matchAll(/(?:from|import\()\s*"(\.[^"]+)"/g)) {
      const imported = relative(ROOT, join(ROOT, dirname(file), to!));
      found.set(imported, [...found.get(imported) ?? [], file]);
    }
  }
  return found;
}

const IMPORTERS = importers(
  ["src", "test", "edge", "bench"].flatMap(filesIn).concat("mod.ts", "cli.ts"),
);

/** How many imports lie between a file and those that depend on it. */
function distances(file: string): Map<string, number> {
  const found = new Map([[file, 0]]);
  for (const [at, distance] of found) {
    for (const next of IMPORTERS.get(at) ?? []) if (!found.has(next)) found.set(next, distance + 1);
  }
  return found;
}

/** All test files in a few batches: the nearest, then those of the golden cases, then what depends on the file, the rest. */
function batchesFor(file: string): string[][] {
  const far = distances(file);
  const tests = filesIn("test").filter((name) => name.endsWith("_test.ts"));
  const mirrored = file.replace(/^src/, "test").replace(/(\/)_?([^/]+)\.ts$/, "$1$2_test.ts");
  const near = tests.filter((name) => name === mirrored || far.get(name) === 1);
  const golden = [PARITY, "test/features/golden_test.ts"].filter((name) => far.has(name));
  const room = tests.filter((name) => far.has(name) && name.startsWith(dirname(mirrored)));
  const dependent = tests.filter((name) => far.has(name));
  const order = [[...near, file], golden, room, dependent, tests];
  const seen = new Set<string>();
  return order.map((names) => names.filter((name) => !seen.has(name) && seen.add(name)))
    .filter((names) => names.length > 0);
}

/** A copy of what git knows of, and of what is new, with the same packages. */
async function copyRepository(): Promise<string> {
  const scratch = await Deno.makeTempDir({ prefix: "mutants-" });
  const args = ["ls-files", "-z", "--cached", "--others", "--exclude-standard"];
  const { stdout } = await new Deno.Command("git", { args, cwd: ROOT }).output();
  for (const name of new TextDecoder().decode(stdout).split("\0").filter(Boolean)) {
    const to = join(scratch, "repository", name);
    await Deno.mkdir(dirname(to), { recursive: true });
    await Deno.copyFile(join(ROOT, name), to);
  }
  // Packages of its own: what is reached through a link is another path to a permission.
  const cwd = join(scratch, "repository");
  await new Deno.Command(Deno.execPath(), { args: ["install", "--quiet"], cwd }).output();
  await Deno.mkdir(join(scratch, "no_kit"));
  return scratch;
}

interface Run {
  ok: boolean;
  printed: string;
}

/** Runs deno in the copy; a run that takes too long is ended with all that it started. */
async function deno(scratch: string, args: string[], minutes: number): Promise<Run> {
  const child = new Deno.Command(Deno.execPath(), {
    args,
    cwd: join(scratch, "repository"),
    env: {
      NO_COLOR: "1",
      EARSHOT_SHARED: join(scratch, "no_kit"),
      DENO_WEBGPU_BACKEND: NO_WEBGPU,
      REQUIRE_WEBGPU: "0",
    },
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
    detached: true,
  }).spawn();
  let isLate = false;
  const timer = setTimeout(() => {
    isLate = true;
    Deno.kill(-child.pid, "SIGKILL");
  }, minutes * MINUTE_MS);
  const { success, stdout, stderr } = await child.output();
  clearTimeout(timer);
  const printed = new TextDecoder().decode(stdout) + new TextDecoder().decode(stderr);
  return isLate
    ? { ok: false, printed: `took more than ${minutes} minutes` }
    : { ok: success, printed };
}

/** Runs test files, those of the documentation where a file of `src` is among them. */
function test(scratch: string, files: string[], filter?: string): Promise<Run> {
  const args = ["test", "-P=test", "--no-check", "--fail-fast"];
  if (files.some((file) => file.startsWith("src/"))) args.push("--doc");
  if (filter) args.push("--filter", filter);
  return deno(scratch, [...args, ...files], BATCH_MINUTES + FILE_MINUTES * files.length);
}

/** The test that failed first, or what ended the run before. */
function killerOf(printed: string): string {
  const failed = printed.match(/^(\S.*?) \.\.\. FAILED/m)?.[1];
  const error = printed.match(/^error: (.+)$/m)?.[1];
  return failed ?? error ?? printed.trim().split("\n").at(-1) ?? "nothing printed";
}

/** Tries one site in the copy, and restores the file. */
async function tryOut(site: Site, scratch: string): Promise<Result> {
  const start = performance.now();
  const path = join(scratch, "repository", site.file);
  const text = await Deno.readTextFile(path);
  const lines = text.split("\n");
  lines[site.line - 1] = site.after;
  await Deno.writeTextFile(path, lines.join("\n"));
  const end = (outcome: Result["outcome"], by: string): Result => {
    return { ...site, outcome, by, seconds: Math.round((performance.now() - start) / 1000) };
  };
  try {
    const checked = await deno(scratch, ["check", site.file], 5);
    if (!checked.ok) return end("not counted", `does not compile: ${killerOf(checked.printed)}`);
    for (const files of batchesFor(site.file)) {
      const { ok, printed } = await test(scratch, files);
      if (ok) continue;
      const killer = killerOf(printed);
      await Deno.writeTextFile(path, text);
      // A test that fails now and then, on a busy machine say, has not seen the change.
      const again = await test(scratch, files, killer);
      const passes = again.ok || / 0 passed .*\| 0 failed/.test(again.printed);
      return passes ? end("killed", killer) : end("not counted", `fails unchanged too: ${killer}`);
    }
    return end("survived", "–");
  } finally {
    await Deno.writeTextFile(path, text);
  }
}

function knownToChangeNothing({ file, after }: Site): string | undefined {
  return EQUIVALENT.find((known) => known.file === file && known.after === after.trim())?.reason;
}

/** Sites to try: those named on the command line, else the chosen ones. The answer to each says whether it counts. */
function* wantedSites(): Generator<Site, void, boolean> {
  const sites = FOLDERS.flatMap((folder) => filesIn(`src/${folder}`))
    .flatMap((file) => sitesIn(file, read(file)));
  if (positionals.length === 0) {
    const [seed, count] = [Number(options.seed), Number(options.count)];
    yield* chooseSites(sites, { seed, count, least: 3, folderOf });
    return;
  }
  for (const site of sites) if (positionals.includes(`${site.file}:${site.line}`)) yield site;
}

function show({ file, line, pattern, before, after }: Site): string {
  return `${file}:${line} (${pattern})\n  - ${before.trim()}\n  + ${after.trim()}`;
}

function cell(text: string): string {
  return text.trim().replaceAll("|", "\\|");
}

function code(text: string): string {
  return `\`${cell(text).replaceAll("`", "'")}\``;
}

function table(results: readonly Result[]): string {
  const rows = results.map(({ file, line, pattern, before, after, outcome, by }) => {
    const change = `${code(before)} became ${code(after)}`;
    return `| ${file}:${line} | ${pattern} | ${change} | ${outcome} | ${cell(by)} |`;
  });
  const killed = results.filter(({ outcome }) => outcome === "killed").length;
  const counted = results.filter(({ outcome }) => outcome !== "not counted").length;
  const heads = [
    "| where | pattern | change | outcome | test, or reason |",
    "| - | - | - | - | - |",
  ];
  return [...heads, ...rows, "", `${killed} of ${counted} killed`].join("\n");
}

async function main(): Promise<number> {
  const scratch = await copyRepository();
  const results: Result[] = [];
  try {
    if (!options["no-baseline"] && !options.list) {
      const { ok, printed } = await deno(scratch, ["test", "-P=test", "--doc", "--no-check"], 60);
      if (!ok) {
        throw new RangeError(
          `Cannot try mutants: expected tests that pass, found ${killerOf(printed)}`,
        );
      }
    }
    const sites = wantedSites();
    let toSkip = Number(options.skip);
    for (let next = sites.next(); !next.done;) {
      const site = next.value;
      const reason = knownToChangeNothing(site);
      const isTried = !reason && toSkip-- <= 0 && !options.list;
      if (isTried || options.list) console.error(show(site));
      const outcome = reason ? "not counted" : "survived";
      const result: Result = isTried
        ? await tryOut(site, scratch)
        : { ...site, outcome, by: reason ?? "–", seconds: 0 };
      if (isTried) console.error(`  ${result.outcome} (${result.seconds} s): ${result.by}`);
      if (isTried || reason) results.push(result);
      next = sites.next(result.outcome !== "not counted");
    }
  } finally {
    await Deno.remove(scratch, { recursive: true });
  }
  if (!options.list) {
    console.log(options.json ? JSON.stringify(results, undefined, 2) : table(results));
  }
  return results.some(({ outcome }) => outcome === "survived") ? 1 : 0;
}

Deno.exit(await main());
