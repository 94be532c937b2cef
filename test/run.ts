/**
 * `deno task test`: all tests, those of the documentation too, in two processes, since `deno test` uses one core.
 * With arguments it is `deno test` of them alone.
 *
 * The second half is shown when the first has ended; the last line counts both as `deno test` counts one.
 *
 * @module
 */
import { testCounts } from "./gate.ts";

/** What runs commands and programs: about half of the time, and nothing of it uses the GPU. */
const FIRST_HALF = [
  "bench",
  "test/browser",
  "test/classify",
  "test/cli_test.ts",
  "test/commands",
  "test/docs",
  "test/examples",
  "test/exported_test.ts",
  "test/fuzz",
  "test/graphs",
  "test/hub",
  "test/library_test.ts",
  "test/publish_test.ts",
];

const TEST = ["test", "-P=test", "--doc"];

if (Deno.args.length > 0) {
  const alone = new Deno.Command(Deno.execPath(), { args: [...TEST, ...Deno.args] }).spawn();
  Deno.exit((await alone.status).code);
}

const halves = [[...TEST, ...FIRST_HALF], [...TEST, `--ignore=${FIRST_HALF.join(",")}`]]
  .map((args) =>
    new Deno.Command(Deno.execPath(), { args, env: { NO_COLOR: "1" }, stdout: "piped" }).spawn()
  );
const printed = halves.map(({ stdout }) => new Response(stdout).text());
let [passed, failed] = [0, 0];
for (const half of printed) {
  const text = await half;
  console.log(text);
  // A process that ended before its last line counts as a failure.
  const counts = testCounts(text) ?? { passed: 0, failed: 1 };
  passed += counts.passed;
  failed += counts.failed;
}
console.log(`${failed === 0 ? "ok" : "FAILED"} | ${passed} passed | ${failed} failed`);
Deno.exit(failed === 0 ? 0 : 1);
