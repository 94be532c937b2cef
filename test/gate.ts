/**
 * What the gate reads off the lines that `deno test` prints: how many tests passed, which golden cases ran.
 *
 * @module
 */

/** Checks, or tests, by their end. */
export interface Counts {
  passed: number;
  failed: number;
}

/**
 * From the last line in which `deno test` counts. It is read and not the exit code, because Mesa's software GPU now
 * and then aborts a process that has used it while it ends, after that line.
 */
export function testCounts(printed: string): Counts | undefined {
  const lines = printed.matchAll(/^(?:ok|FAILED) \| (\d+) passed.*? \| (\d+) failed/gm);
  const [, passed, failed] = Array.from(lines).at(-1) ?? [];
  return passed === undefined ? undefined : { passed: Number(passed), failed: Number(failed) };
}

/** A line of a test of `parity_test.ts`: "golden case NAME agrees with the reference [DEVICE] ... ok (1s)". */
const CASE_LINE =
  /^(golden|kit) case (\S+) .*\[(.+?)(?:; skipped: (.+))?\] \.\.\. (ok|ignored|FAILED)/gm;

interface CaseLine {
  name: string;
  device: string;
  result: string;
}

function caseLines(printed: string, owner: "golden" | "kit"): CaseLine[] {
  return Array.from(printed.matchAll(CASE_LINE))
    .filter(([, found]) => found === owner)
    .map(([, , name, device, , result]) => ({ name: name!, device: device!, result: result! }));
}

/** Golden cases that ran, on any device. */
function ranIn(lines: readonly CaseLine[]): Set<string> {
  return new Set(lines.filter(({ result }) => result !== "ignored").map(({ name }) => name));
}

/** The gate's line on the kit's cases: they are counted, and their absence is no failure. */
export function kitLine(printed: string): string {
  const count = ranIn(caseLines(printed, "kit")).size;
  return count === 0 ? "kit: absent" : `kit: ${count} run`;
}

/**
 * Cases of `test/golden` that a run left out: wholly, or on a device that is there in any machine.
 *
 * @param names those that should have run.
 */
export function skippedCases(printed: string, names: readonly string[]): string[] {
  const lines = caseLines(printed, "golden");
  const ran = ranIn(lines);
  const ignored = lines.filter(({ device, result }) => result === "ignored" && device !== "webgpu");
  return [
    ...names.filter((name) => !ran.has(name)),
    ...ignored.filter(({ name }) => ran.has(name)).map(({ name, device }) => `${name} [${device}]`),
  ];
}
