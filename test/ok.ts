/**
 * The whole gate, `deno task ok`: every check in order, up to the first that fails.
 *
 * The last line is `N passed, N failed`; each test counts as one, and so does each other check.
 *
 * @module
 */
import denoJson from "../deno.json" with { type: "json" };

/** A check: its name, and what deno is told. */
type Check = readonly [name: string, ...args: string[]];

const WASM_BUILD = "src/kernels/wasm/assembly/build.ts";

const CHECKS: readonly Check[] = [
  ["format", "fmt", "--check"],
  ["lint", "lint"],
  ["types", "check", "."],
  ["documentation", "doc", "--lint", ...Object.values(denoJson.exports)],
  ["WASM bytes", "run", "--no-lock", "--node-modules-dir=none", "-P=build", WASM_BUILD, "--check"],
  ["publish", "publish", "--dry-run", "--allow-dirty"],
  ["tests and bundle", "task", "test"],
];

interface Counts {
  passed: number;
  failed: number;
}

/** Runs deno, shows what it prints, and counts tests where it ran some. */
async function run(args: readonly string[]): Promise<Counts> {
  const child = new Deno.Command(Deno.execPath(), {
    args: [...args],
    env: { NO_COLOR: "1" },
    stdout: "piped",
  }).spawn();
  const decoder = new TextDecoder();
  let printed = "";
  for await (const part of child.stdout) {
    printed += decoder.decode(part, { stream: true });
    await Deno.stdout.write(part);
  }
  const { success } = await child.status;
  return testCounts(printed) ?? { passed: success ? 1 : 0, failed: success ? 0 : 1 };
}

/**
 * From the line with which `deno test` ends. It counts and not the exit code, because Mesa's software GPU now and then
 * aborts a process that has used it while it ends, after that line.
 */
function testCounts(printed: string): Counts | undefined {
  const [, passed, failed] = printed.match(/\| (\d+) passed.*? \| (\d+) failed/) ?? [];
  return passed === undefined ? undefined : { passed: Number(passed), failed: Number(failed) };
}

const total: Counts = { passed: 0, failed: 0 };
for (const [name, ...args] of CHECKS) {
  console.log(`\n== ${name}: deno ${args.join(" ")}`);
  const { passed, failed } = await run(args);
  total.passed += passed;
  total.failed += failed;
  if (failed === 0) continue;
  console.error(`\nStopped: "${name}" failed`);
  break;
}
console.log(`\n${total.passed} passed, ${total.failed} failed`);
Deno.exit(total.failed === 0 ? 0 : 1);
