/**
 * The whole gate, `deno task ok`: every check in order, up to the first that fails.
 *
 * The last line is `N passed, N failed`; each test counts as one, and so does each other check. The line before it
 * says how many cases of the reference kit ran, which is no failure without the kit. With `CI` set, each case of
 * `test/golden` that did not run counts as a failure.
 *
 * @module
 */
import denoJson from "../deno.json" with { type: "json" };
import { type Counts, kitLine, skippedCases, testCounts } from "./gate.ts";
import { goldenCases } from "./golden_cases.ts";

/** A check: its name, and the arguments of deno. */
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

let kit: string | undefined;

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
  const tests = testCounts(printed);
  if (!tests) return { passed: success ? 1 : 0, failed: success ? 0 : 1 };
  kit = kitLine(printed);
  return { ...tests, failed: tests.failed + skipped(printed) };
}

/** How many of our own golden cases did not run although they must. */
function skipped(printed: string): number {
  if (!Deno.env.get("CI")) return 0;
  const cases = skippedCases(printed, goldenCases());
  for (const name of cases) console.error(`golden case ${name} did not run`);
  return cases.length;
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
console.log(`\n${kit ? `${kit}\n` : ""}${total.passed} passed, ${total.failed} failed`);
Deno.exit(total.failed === 0 ? 0 : 1);
