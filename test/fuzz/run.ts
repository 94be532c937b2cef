/**
 * Feeds a parser with broken inputs until a time is over: `deno task fuzz PARSER [--seconds 60] [--inputs N]
 * [--from 1]`, or one input again: `deno task fuzz PARSER --number N [--write FILE]`.
 *
 * An input is made from its number alone. It has to be read or refused with a typed error, in a second of processor
 * time and 256 MB above the idle process; what seems to take more is tried alone in a process of its own, and counts
 * only if it does there too. Exit code 1 where one failed, 2 where the command line is wrong. Memory is that of Linux.
 *
 * @module
 */
import process from "node:process";
import { parseArgs } from "node:util";
import { FuzzError, type FuzzTarget, inputOf, type Outcome, tryInput } from "./target.ts";
import { TARGETS } from "./targets.ts";

const MAX_MS = 1_000;
const MAX_MB = 256;
const MB = 1e6;
const PROGRESS_MS = 10_000;

/** What an input took in a process of its own. */
interface Alone {
  processorMs: number;
  memoryMb: number;
}

/** When to stop, and the first number. */
interface Range {
  seconds: number;
  inputs: number;
  from: number;
}

async function fuzz(
  name: string,
  target: FuzzTarget,
  { seconds, inputs, from }: Range,
): Promise<number> {
  const counts: Record<Outcome | "failed", number> = { read: 0, refused: 0, failed: 0 };
  const end = performance.now() + 1000 * seconds;
  let mostMb = idleMb() + MAX_MB;
  let shown = performance.now();
  let number = from;
  for (; performance.now() < end && number < from + inputs; number++) {
    const started = performance.now();
    try {
      counts[await tryInput(target, number)]++;
      const isSlow = performance.now() - started > MAX_MS;
      const isLarge = residentMb() > mostMb;
      if (isSlow || isLarge) await expectFrugal(name, number);
      // What is not given back yet is not the fault of the next input.
      if (isLarge) mostMb = residentMb() + MAX_MB;
    } catch (error) {
      if (!(error instanceof FuzzError)) throw error;
      counts.failed++;
      console.error(`${name}: ${error.message}`);
    }
    if (performance.now() - shown < PROGRESS_MS) continue;
    shown = performance.now();
    console.error(`${name}: ${number - from + 1} inputs, ${counts.failed} failed`);
  }
  const { read, refused, failed } = counts;
  const numbers = `numbers ${from} to ${number - 1}`;
  console.log(`${name}: ${read} read, ${refused} refused, ${failed} failed (${numbers})`);
  return failed === 0 ? 0 : 1;
}

/** Tries an input alone. @throws {FuzzError} where it takes too much there too. */
async function expectFrugal(name: string, number: number): Promise<void> {
  const args = ["run", "-A", "--no-check", "--v8-flags=--expose-gc", import.meta.filename!, name];
  const { stdout } = await new Deno.Command(Deno.execPath(), {
    args: [...args, "--number", String(number)],
    stderr: "null",
  }).output();
  const { processorMs, memoryMb }: Alone = JSON.parse(new TextDecoder().decode(stdout));
  if (processorMs <= MAX_MS && memoryMb <= MAX_MB) return;
  const found = `${processorMs.toFixed(0)} ms and ${memoryMb.toFixed(0)} MB`;
  throw new FuzzError(
    `Cannot accept input ${number}: expected ${MAX_MS} ms and ${MAX_MB} MB, found ${found}`,
  );
}

/** One input, what becomes of it, and what it takes; code is compiled and loaded by another one before. */
async function single(target: FuzzTarget, number: number, file?: string): Promise<number> {
  const { bytes } = await inputOf(target, number);
  if (file !== undefined) await Deno.writeFile(file, bytes);
  await tryInput(target, 0).catch(() => {});
  const before = idleMb();
  await Deno.writeTextFile("/proc/self/clear_refs", "5").catch(() => {});
  const { user, system } = Deno.build.os === "linux" ? cpu() : { user: 0, system: 0 };
  let failure: unknown;
  const outcome = await tryInput(target, number).catch((error) => {
    failure = error;
    return "failed";
  });
  const after = cpu();
  const processorMs = (after.user - user + after.system - system) / 1000;
  const alone: Alone & { outcome: string; sizeBytes: number } = {
    ...{ outcome, sizeBytes: bytes.length, processorMs, memoryMb: peakMb() - before },
  };
  console.log(JSON.stringify(alone));
  if (failure instanceof Error) console.error(failure.message);
  return failure === undefined ? 0 : 1;
}

const cpu = process.cpuUsage;

function residentMb(): number {
  return Deno.memoryUsage().rss / MB;
}

/** Resident, after what can be given back is. */
function idleMb(): number {
  (globalThis as { gc?: () => void }).gc?.();
  return residentMb();
}

/** The most that was resident since it was last reset. */
function peakMb(): number {
  const status = Deno.build.os === "linux" ? Deno.readTextFileSync("/proc/self/status") : "";
  return Number(status.match(/^VmHWM:\s+(\d+) kB$/m)?.[1] ?? 0) * 1024 / MB || residentMb();
}

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    seconds: { type: "string", default: "60" },
    inputs: { type: "string", default: "Infinity" },
    from: { type: "string", default: "1" },
    number: { type: "string" },
    write: { type: "string" },
  },
});
const [name = "", ...others] = positionals;
const target = Object.hasOwn(TARGETS, name) ? TARGETS[name] : undefined;
if (!target || others.length > 0) {
  console.error(`Cannot fuzz "${name}": expected one of ${Object.keys(TARGETS).join(", ")}`);
  Deno.exit(2);
}
Deno.exit(
  values.number === undefined
    ? await fuzz(name, target, {
      seconds: Number(values.seconds),
      inputs: Number(values.inputs),
      from: Number(values.from),
    })
    : await single(target, Number(values.number), values.write),
);
