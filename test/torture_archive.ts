/**
 * Kills `detect` while it fills an archive, `deno task torture:archive`: is anything lost, doubled or left behind? Not part
 * of the gate.
 *
 * A tiny random model hears 2,000 short recordings and writes a part for each. The process is killed at random places of
 * the archive, most times while a part is being written, which its temporary file shows, and started again each time. At
 * the end the parts must have the names and the bytes of a job that nobody disturbed. A table in Markdown goes to standard
 * output; the exit code is 1 where anything differs.
 *
 *     deno task torture:archive [--recordings 2000] [--kills 20] [--seed 20261130]
 *
 * A full disk is mounted, which Linux lets root alone do; elsewhere that row is left out.
 *
 * @module
 */
import { createHash } from "node:crypto";
import { join, relative } from "node:path";
import { parseArgs } from "node:util";
import denoJson from "../deno.json" with { type: "json" };
import { encodeWav } from "../src/audio/mod.ts";
import { useDevice } from "../src/devices.ts";
import { Random } from "../src/random.ts";
import {
  command,
  mounted,
  namesIn,
  pause,
  startCommand,
  type StartedProcess,
  tableOf,
} from "./killed_process.ts";
import { saveTinyModel } from "./tiny_model.ts";

const { values: options } = parseArgs({
  args: Deno.args,
  options: {
    recordings: { type: "string", default: "2000" },
    kills: { type: "string", default: "20" },
    seed: { type: "string", default: "20261130" },
  },
});

const RATE_HZ = 8_000;
const RECORDINGS_IN_A_FOLDER = 50;

/** Share of the kills that wait for a part to be written. */
const IN_WRITE = 0.8;

const TEMPORARY = /\.tmp-[0-9a-f]{8}$/;

const DETECT = [
  ...["detect", "--model", "model", "clips", "--format", "parquet"],
  ...["--window-seconds", "0.1", "--hop-seconds", "0.05", "--threshold", "0.25"],
  ...["--backend", "wasm"],
];

/** What a part takes of a disk. */
const PART_KIB = 4;

interface Row {
  what: string;
  recordings: number;
  kills: number;
  killsInWrite: number;
  broken: number;
  writtenTwice: number;
  otherBytes: number;
  leftovers: number;
}

/** A part as it lies on the disk: what is in it, and which file it is. */
interface Part {
  digest: string;
  inode: number | null;
}

const random = new Random(Number(options.seed));
const recordings = Number(options.recordings);
const folder = await Deno.makeTempDir({ prefix: "earshot-archive-" });

async function writeRecordings(): Promise<void> {
  for (let i = 0; i < recordings; i++) {
    const pitch = 100 + 1_900 * random.uniform();
    const length = Math.round(RATE_HZ * (0.1 + 0.4 * random.uniform()));
    const samples = Float32Array.from({ length }, (_, k) => {
      return 0.4 * Math.sin(2 * Math.PI * pitch * k / RATE_HZ) + 0.2 * (random.uniform() - 0.5);
    });
    const name = (number: number) => String(number).padStart(4, "0");
    const place = `${folder}/clips/${name(Math.floor(i / RECORDINGS_IN_A_FOLDER))}`;
    await Deno.mkdir(place, { recursive: true });
    await Deno.writeFile(`${place}/${name(i)}.wav`, encodeWav(samples, RATE_HZ));
  }
}

async function saveModel(): Promise<void> {
  const device = await useDevice({ backend: "wasm", threads: 1 });
  await saveTinyModel(`${folder}/model`);
  device.dispose();
}

/** A share of the job; all of it where there is one. */
function startShare(output: string, { index = 0, count = 1, threads = 1 } = {}): StartedProcess {
  const share = count > 1 ? ["--shard", `${index}/${count}`] : [];
  return startCommand(folder, [...DETECT, ...share, "--threads", `${threads}`, "--output", output]);
}

function startShares(output: string, count: number): StartedProcess[] {
  return Array.from({ length: count }, (_, index) => startShare(output, { index, count }));
}

async function expectEnds(processes: readonly StartedProcess[]): Promise<void> {
  for (const { code, stderr } of await Promise.all(processes.map(({ ended }) => ended))) {
    if (code !== 0) throw new RangeError(`Cannot detect: ${stderr}`);
  }
}

/** Files below a folder, however deep. */
function* filesBelow(path: string): Generator<string> {
  for (const name of namesIn(path)) {
    const inside = join(path, name);
    if (/\.(parquet|json)$/.test(name) || TEMPORARY.test(name)) yield inside;
    else yield* filesBelow(inside);
  }
}

/** The finished parts by name, the settings among them. */
function partsIn(path: string): Map<string, Part> {
  const files = [...filesBelow(path)].filter((file) => !TEMPORARY.test(file));
  return new Map(files.map((file) => {
    const digest = createHash("sha256").update(Deno.readFileSync(file)).digest("hex");
    return [relative(path, file), { digest, inode: Deno.statSync(file).ino }];
  }));
}

function temporariesIn(path: string): string[] {
  return [...filesBelow(path)].filter((file) => TEMPORARY.test(file));
}

/** Whether two directories hold the same parts. */
function areSame(found: ReadonlyMap<string, Part>): boolean {
  const isSame = ([name, { digest }]: [string, Part]) => found.get(name)?.digest === digest;
  return found.size === undisturbed.size && [...undisturbed].every(isSame);
}

/** Waits until so many parts are there and, where asked for, one more is being written. */
async function reached(output: string, parts: number, isInWrite: boolean): Promise<void> {
  await Deno.mkdir(`${folder}/${output}`, { recursive: true });
  const count = () => partNames(output).length;
  while (count() < parts) await pause(5);
  if (!isInWrite) return;
  using watcher = Deno.watchFs(`${folder}/${output}`);
  for await (const { kind, paths } of watcher) {
    if (kind === "create" && paths.some((path) => TEMPORARY.test(path))) return;
  }
}

function partNames(output: string): string[] {
  return [...filesBelow(`${folder}/${output}`)].filter((file) => file.endsWith(".parquet"));
}

/** Kills a job again and again, and starts it again, so that the kills lie over all of the archive. */
async function torture(what: string, shares: number): Promise<Row> {
  const output = `killed-${shares}`;
  const row = emptyRow(what);
  const kills = Number(options.kills);
  const cut = new Set<string>();
  let before = new Map<string, Part>();
  while (row.kills < kills) {
    const processes = startShares(output, shares);
    const parts = recordings * (row.kills + random.uniform() * 0.9 * shares) / (kills + 1);
    const isInWrite = random.uniform() < IN_WRITE;
    await Promise.race([reached(output, Math.floor(parts), isInWrite), allEnded(processes)]);
    row.kills += await killThem(processes);
    for (const file of temporariesIn(`${folder}/${output}`)) cut.add(file);
    before = inspect(output, before, row);
  }
  row.killsInWrite = cut.size;
  await expectEnds(startShares(output, shares));
  finish(output, before, row);
  return row;
}

/** Fails where a process fails, or where none is left to be killed. */
async function allEnded(processes: readonly StartedProcess[]): Promise<never> {
  await expectEnds(processes);
  throw new RangeError("Cannot kill a job: expected one that runs, found its end");
}

/** Kills what still runs; how many that were. */
async function killThem(processes: readonly StartedProcess[]): Promise<number> {
  for (const { child } of processes) {
    try {
      child.kill("SIGKILL");
    } catch {
      // It has heard its share.
    }
  }
  const ends = await Promise.all(processes.map(({ ended }) => ended));
  return ends.filter(({ code }) => code !== 0).length;
}

/** Looks at what there is: parts are whole, and those of before are the same files. */
function inspect(output: string, before: ReadonlyMap<string, Part>, row: Row): Map<string, Part> {
  const now = partsIn(`${folder}/${output}`);
  for (const [name, { digest }] of now) {
    if (undisturbed.get(name)?.digest !== digest) row.broken++;
  }
  for (const [name, { inode }] of before) {
    if (now.get(name)?.inode !== inode) row.writtenTwice++;
  }
  return now;
}

function finish(output: string, before: ReadonlyMap<string, Part>, row: Row): void {
  const now = inspect(output, before, row);
  if (!areSame(now)) row.otherBytes++;
  row.leftovers += temporariesIn(`${folder}/${output}`).length;
}

/** The same job with two threads. */
async function moreThreads(): Promise<Row> {
  const row = emptyRow("two threads");
  await expectEnds([startShare("threads", { threads: 2 })]);
  finish("threads", new Map(), row);
  return row;
}

/** A disk that has no room for a part; then it has, and the job is started again. */
async function fullDisk(): Promise<Row> {
  const row = emptyRow("a full disk");
  const path = `${folder}/full`;
  const [small, large] = [recordings / 2, recordings * 2].map((parts) =>
    `size=${parts * PART_KIB}k`
  );
  await mounted(path, ["-t", "tmpfs", "-o", small!, "tmpfs"], async () => {
    const { code, stderr } = await startShare("full/events").ended;
    if (code !== 1 || !/the disk is full/.test(stderr)) row.broken++;
    const before = inspect("full/events", new Map(), row);
    row.leftovers += temporariesIn(path).length;
    await command("mount", ["-o", `remount,${large}`, path]);
    await expectEnds([startShare("full/events")]);
    finish("full/events", before, row);
  });
  return row;
}

function emptyRow(what: string): Row {
  const counts = { kills: 0, killsInWrite: 0, broken: 0, writtenTwice: 0 };
  return { what, recordings, ...counts, otherBytes: 0, leftovers: 0 };
}

function printed(rows: readonly Row[]): string {
  const heads = [
    "archive",
    "recordings",
    "kills",
    "inside a write",
    "broken parts",
    "written twice",
    "other bytes at the end",
    "leftovers",
  ];
  return tableOf(heads, rows.map((row) => Object.values(row)));
}

let undisturbed: ReadonlyMap<string, Part> = new Map();
const rows: Row[] = [];
try {
  await writeRecordings();
  await saveModel();
  await expectEnds([startShare("whole")]);
  undisturbed = partsIn(`${folder}/whole`);
  rows.push(await torture("one process", 1), await torture("two shares at a time", 2));
  rows.push(await moreThreads());
  if (Deno.build.os === "linux" && Deno.uid() === 0) rows.push(await fullDisk());
} finally {
  await Deno.remove(folder, { recursive: true });
}
const day = new Date().toISOString().slice(0, 10);
const how = ["deno task torture:archive", ...Deno.args].join(" ");
console.log(`${day}, version ${denoJson.version}: \`${how}\`\n`);
console.log(printed(rows));
const isFine = rows.every(({ broken, writtenTwice, otherBytes, leftovers }) =>
  broken + writtenTwice + otherBytes + leftovers === 0
);
Deno.exit(isFine ? 0 : 1);
