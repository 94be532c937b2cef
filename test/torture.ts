/**
 * Kills trainings, `deno task torture`: is anything lost, mixed or left behind? Not part of the gate; it takes long.
 *
 * Trainings of a few seconds run in processes of their own and are killed at random moments, most of them while something
 * is being written, which the existence of a temporary file shows. Each is then looked at, taken up again, and killed
 * again, until it ends. A table in Markdown goes to standard output; the exit code is 1 where anything was lost.
 *
 *     deno task torture [--kills 200] [--seed 20261130]
 *
 * A full and a read-only disk are mounted, which Linux lets root alone do; elsewhere these rows are left out.
 *
 * @module
 */
import { createHash } from "node:crypto";
import { parseArgs } from "node:util";
import denoJson from "../deno.json" with { type: "json" };
import { Random } from "../src/random.ts";
import { openSavedRun } from "../src/train/checkpoints/checkpoint.ts";
import { writeTones } from "./commands/_command_line.ts";
import {
  command,
  fill,
  mounted,
  namesIn,
  pause,
  startCommand,
  type StartedProcess,
  tableOf,
} from "./killed_process.ts";

const { values: options } = parseArgs({
  args: Deno.args,
  options: {
    kills: { type: "string", default: "200" },
    seed: { type: "string", default: "20261130" },
  },
});

const TRAIN = ["train", "--data", "tones", "--backend", "wasm", "--threads", "1"];
/** The run that is killed again and again, and the one whose model stands in its way. */
const NEW = [...TRAIN, "--num-train-epochs", "5", "--seed", "7"];
const UNSAVED = [...NEW, "--save-strategy", "no"];
const OLD = [...TRAIN, "--num-train-epochs", "1", "--seed", "42"];

/** What is being written, and what is being replaced. */
const TEMPORARY = /\.(tmp|old)-[0-9a-f]{8}$|^\.earshot-change$/;

/** Share of the kills that wait for something to be written. */
const IN_WRITE = 0.7;

/** A training starts, reads and compiles for so long before its first step. */
const START_MS = 700;
const RUN_MS = 2_500;

interface Row {
  what: string;
  trainings: number;
  kills: number;
  killsInWrite: number;
  unreadable: number;
  mixed: number;
  otherBytes: number;
  leftovers: number;
}

const random = new Random(Number(options.seed));
const folder = await Deno.makeTempDir({ prefix: "earshot-torture-" });

async function run(args: readonly string[]): Promise<void> {
  const { code, stderr } = await startCommand(folder, args).ended;
  if (code !== 0) throw new RangeError(`Cannot train: ${stderr}`);
}

function digestOf(path: string): string | undefined {
  try {
    const hash = createHash("sha256");
    for (const name of ["config.json", "preprocessor_config.json", "model.safetensors"]) {
      hash.update(Deno.readFileSync(`${path}/${name}`));
    }
    return hash.digest("hex");
  } catch {
    return undefined;
  }
}

/** Ends a training at a random moment; whether that was within a write, or undefined where it was over before. */
async function killed(
  { child, ended }: StartedProcess,
  path: string,
): Promise<boolean | undefined> {
  let isOver = false;
  void ended.then(() => isOver = true);
  if (random.uniform() < IN_WRITE) await writeIn(path, random.below(4), () => isOver);
  else await pause(START_MS + random.uniform() * RUN_MS);
  if (isOver) return undefined;
  child.kill("SIGKILL");
  await ended;
  return namesIn(path).some((name) => TEMPORARY.test(name));
}

/** Waits for the write after so many others. */
async function writeIn(path: string, others: number, isOver: () => boolean): Promise<void> {
  let wasWriting = false;
  while (!isOver()) {
    const isWriting = namesIn(path).some((name) => TEMPORARY.test(name));
    if (isWriting && !wasWriting && others-- <= 0) return;
    wasWriting = isWriting;
    await pause(0);
  }
}

/** Looks at what a killed training has left. */
async function inspect(path: string, row: Row, models: readonly string[]): Promise<void> {
  const names = namesIn(path);
  for (const name of names.filter((name) => /^checkpoint-\d+$/.test(name))) {
    await openSavedRun(`${path}/${name}`).catch((error) => {
      row.unreadable++;
      console.error(`${path}: ${error.message}`);
    });
  }
  // With a change decided and not finished, the next owner finishes it before anyone reads.
  if (names.includes(".earshot-change")) return;
  const model = digestOf(path);
  if (model === undefined) {
    if (names.includes("config.json") || models.length > 1) row.unreadable++;
  } else if (!models.includes(model)) row.mixed++;
}

/** A training that is killed until it gets to its end, or the kills are used up. */
async function torture(row: Row, kills: number, isOverwriting: boolean): Promise<void> {
  const path = `${folder}/model-${crypto.randomUUID().slice(0, 8)}`;
  const models = isOverwriting ? [oldModel, newModel] : [newModel];
  if (isOverwriting) await copy(`${folder}/old`, path);
  row.trainings++;
  for (let tries = 0; row.kills < kills; tries++) {
    const training = startCommand(folder, argumentsFor(path, tries, isOverwriting));
    const isInWrite = await killed(training, path);
    if (isInWrite === undefined) {
      const { code, stderr } = await training.ended;
      if (code !== 0) throw new RangeError(`Cannot go on after ${tries} kills: ${stderr}`);
      break;
    }
    row.kills++;
    if (isInWrite) row.killsInWrite++;
    await inspect(path, row, models);
  }
  await finish(path, row, isOverwriting);
}

/** How a training goes on: from its checkpoints, or anew where it has none. */
function argumentsFor(path: string, tries: number, isOverwriting: boolean): string[] {
  const hasOwn = namesIn(path).some((name) => /^checkpoint-\d+$/.test(name)) &&
    (!isOverwriting || namesIn(path).includes(".replaced"));
  const how = tries > 0 && hasOwn ? "--resume" : "--overwrite";
  return [...NEW, "--output", path, how];
}

async function finish(path: string, row: Row, isOverwriting: boolean): Promise<void> {
  const isLeft = namesIn(path).some((name) => name.startsWith("."));
  if (digestOf(path) !== newModel || isLeft) await run(argumentsFor(path, 1, isOverwriting));
  if (digestOf(path) !== newModel) row.otherBytes++;
  row.leftovers += namesIn(path).filter((name) => name.startsWith(".")).length;
  await Deno.remove(path, { recursive: true });
}

/** Two trainings into one directory: one is refused, the other is killed, and then ends. */
async function twoWriters(row: Row, kills: number): Promise<void> {
  while (row.kills < kills) {
    const path = `${folder}/shared-${crypto.randomUUID().slice(0, 8)}`;
    row.trainings++;
    const first = startCommand(folder, [...NEW, "--output", path]);
    while (!namesIn(path).includes(".earshot.lock")) await pause(1);
    const second = await startCommand(folder, [...OLD, "--output", path, "--overwrite"]).ended;
    if (second.code !== 1 || !/found process \d+/.test(second.stderr)) {
      row.mixed++;
      console.error(`The second writer ended with ${second.code}: ${second.stderr}`);
    }
    const isInWrite = await killed(first, path);
    if (isInWrite !== undefined) {
      row.kills++;
      if (isInWrite) row.killsInWrite++;
      await inspect(path, row, [newModel]);
    }
    await finish(path, row, false);
  }
}

/** A disk that has room for nothing when the model is done, and then has. */
async function fullDisk(row: Row, kills: number): Promise<void> {
  const path = `${folder}/full`;
  const args = [...UNSAVED, "--output", `${path}/model`];
  await mounted(path, ["-t", "tmpfs", "-o", "size=16m", "tmpfs"], async () => {
    while (row.kills < kills) {
      row.trainings++;
      const { child, ended } = startCommand(folder, args);
      let isOver = false;
      void ended.then(() => isOver = true);
      while (!namesIn(`${path}/model`).includes("training_args.json") && !isOver) await pause(1);
      await fill(`${path}/filler`);
      await writeIn(`${path}/model`, 0, () => isOver);
      if (row.kills < kills - 1) {
        child.kill("SIGKILL");
        await ended;
        row.kills++;
        row.killsInWrite++;
        if (digestOf(`${path}/model`) !== undefined) row.mixed++;
      } else {
        // The first try has found no room; the next comes after half a minute.
        await Deno.remove(`${path}/filler`);
        const { code, stderr } = await ended;
        row.kills++;
        const isSame = code === 0 && digestOf(`${path}/model`) === unsavedModel;
        if (!isSame || !/kept in memory/.test(stderr)) row.otherBytes++;
        const left = namesIn(`${path}/model`).filter((name) => name.startsWith("."));
        row.leftovers += left.length;
      }
      await Deno.remove(`${path}/filler`).catch(() => {});
      await Deno.remove(`${path}/model`, { recursive: true });
    }
  });
}

/** A disk that becomes read-only under an old model: nothing of it changes, and the training says so. */
async function readOnlyDisk(row: Row): Promise<void> {
  const path = `${folder}/locked`;
  await mounted(path, ["-t", "tmpfs", "-o", "size=64m", "tmpfs"], async () => {
    await copy(`${folder}/old`, `${path}/model`);
    row.trainings++;
    await command("mount", ["-o", "remount,ro", path]);
    const { code } = await startCommand(folder, [
      ...NEW,
      "--output",
      `${path}/model`,
      "--overwrite",
    ]).ended;
    if (code !== 1 || digestOf(`${path}/model`) !== oldModel) row.mixed++;
  });
}

async function copy(from: string, to: string): Promise<void> {
  await Deno.mkdir(to);
  for (const { name, isDirectory } of Deno.readDirSync(from)) {
    if (isDirectory) await copy(`${from}/${name}`, `${to}/${name}`);
    else await Deno.copyFile(`${from}/${name}`, `${to}/${name}`);
  }
}

function emptyRow(what: string): Row {
  const counts = {
    kills: 0,
    killsInWrite: 0,
    unreadable: 0,
    mixed: 0,
    otherBytes: 0,
    leftovers: 0,
  };
  return { what, trainings: 0, ...counts };
}

function printed(rows: readonly Row[]): string {
  const heads = [
    "training",
    "trainings",
    "kills",
    "inside a write",
    "unreadable",
    "mixed",
    "other bytes at the end",
    "leftovers",
  ];
  return tableOf(heads, rows.map((row) => Object.values(row)));
}

await writeTones(`${folder}/tones`);
await run([...OLD, "--output", "old"]);
await run([...NEW, "--output", "new"]);
await run([...UNSAVED, "--output", "unsaved"]);
const [oldModel, newModel] = [digestOf(`${folder}/old`)!, digestOf(`${folder}/new`)!];
const unsavedModel = digestOf(`${folder}/unsaved`)!;

const kills = Number(options.kills);
const shares = { fresh: 0.45, overwriting: 0.35, shared: 0.15, full: 0.05 };
const rows: Row[] = [];
try {
  const fresh = emptyRow("a new directory");
  while (fresh.kills < kills * shares.fresh) await torture(fresh, kills * shares.fresh, false);
  const over = emptyRow("over an old model");
  while (over.kills < kills * shares.overwriting) {
    await torture(over, kills * shares.overwriting, true);
  }
  const shared = emptyRow("two writers");
  await twoWriters(shared, kills * shares.shared);
  rows.push(fresh, over, shared);
  const canMount = Deno.build.os === "linux" && Deno.uid() === 0;
  if (canMount) {
    const full = emptyRow("a full disk");
    await fullDisk(full, Math.max(1, kills * shares.full));
    const locked = emptyRow("a read-only disk");
    await readOnlyDisk(locked);
    rows.push(full, locked);
  }
} finally {
  await Deno.remove(folder, { recursive: true });
}
const day = new Date().toISOString().slice(0, 10);
console.log(`${day}, version ${denoJson.version}: \`deno task torture ${Deno.args.join(" ")}\`\n`);
console.log(printed(rows));
const isFine = rows.every(({ unreadable, mixed, otherBytes, leftovers }) =>
  unreadable + mixed + otherBytes + leftovers === 0
);
Deno.exit(isFine ? 0 : 1);
