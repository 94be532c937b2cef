/**
 * The gate's share of the fuzzer: so many inputs of each parser, the same ones every time.
 *
 * `deno task fuzz` goes on from there. What bounds this is the number of inputs, about a minute of work in all.
 *
 * @module
 */
import { deepEqual, equal, ok, rejects } from "node:assert/strict";
import { DatasetError } from "../../src/errors.ts";
import { Dice } from "./dice.ts";
import { FuzzError, type FuzzTarget, inputOf, MAX_INPUT_BYTES, tryInput } from "./target.ts";
import { TARGETS } from "./targets.ts";

/** Headers without a duration are no error, so that nothing is refused there. */
const NEVER_REFUSES = ["durations"];

for (const [name, target] of Object.entries(TARGETS)) {
  Deno.test(`${name}: ${target.inputs} broken inputs are read or refused, with typed errors`, async () => {
    const counts = { read: 0, refused: 0 };
    for (let number = 1; number <= target.inputs; number++) {
      counts[await tryInput(target, number)]++;
    }
    const shown = `${name}: ${JSON.stringify(counts)}`;
    ok(counts.read > 0, shown);
    ok(counts.refused > 0 || NEVER_REFUSES.includes(name), shown);
  });
}

Deno.test("an input is made from its number alone", async () => {
  for (const target of Object.values(TARGETS)) {
    const [first, again, other] = await Promise.all([7, 7, 8].map((n) => inputOf(target, n)));
    deepEqual(first, again);
    ok(first!.bytes.length <= MAX_INPUT_BYTES && other !== undefined);
  }
});

/** A parser that does what a test says. */
function targetOf(parse: () => void, expected?: "read" | "refused"): FuzzTarget {
  return { make: () => ({ bytes: new Uint8Array(), expected }), parse, inputs: 1 };
}

Deno.test("tryInput() takes typed errors alone for a refusal", async () => {
  const typed = targetOf(() => {
    throw new DatasetError("Cannot read this");
  });
  equal(await tryInput(typed, 1), "refused");
  const ours = targetOf(() => {
    throw new RangeError("Cannot read this: expected that, found none");
  });
  equal(await tryInput(ours, 1), "refused");
  const raw = [
    new TypeError("Cannot read properties of undefined (reading 'x')"),
    new RangeError("Maximum call stack size exceeded"),
    new DatasetError("x".repeat(1_000)),
    "text",
  ];
  for (const error of raw) {
    const target = targetOf(() => {
      throw error;
    });
    await rejects(tryInput(target, 3), FuzzError);
  }
});

Deno.test("tryInput() holds an input to what has to become of it", async () => {
  equal(await tryInput(targetOf(() => {}, "read"), 1), "read");
  await rejects(tryInput(targetOf(() => {}, "refused"), 5), {
    name: "FuzzError",
    message: "Cannot accept input 5: expected it refused, found it read",
  });
});

Deno.test("Dice gives the same for the same number, and damage changes bytes", () => {
  const bytes = new Uint8Array(200);
  deepEqual(new Dice(1).damage(bytes, 5), new Dice(1).damage(bytes, 5));
  deepEqual(bytes, new Uint8Array(200));
  const changed = Array.from({ length: 100 }, (_, i) => new Dice(i).damage(bytes, 3));
  ok(changed.filter((one) => one.length !== 200 || one.some((byte) => byte !== 0)).length > 60);
});

Deno.test("deno task fuzz tries one input again, and says what it took", async () => {
  const script = new URL("run.ts", import.meta.url).pathname;
  const run = async (...args: string[]) => {
    const command = ["run", "--quiet", "-A", "--no-check", "--v8-flags=--expose-gc", script];
    const { code, stdout } = await new Deno.Command(Deno.execPath(), {
      args: [...command, ...args],
    }).output();
    return { code, text: new TextDecoder().decode(stdout) };
  };
  const { code, text } = await run("csv", "--number", "3");
  const { outcome, memoryMb, processorMs } = JSON.parse(text);
  ok(code === 0 && ["read", "refused"].includes(outcome), text);
  ok(memoryMb < 256 && processorMs >= 0, text);
  const some = await run("csv", "--seconds", "0.3", "--from", "100");
  ok(/^csv: \d+ read, \d+ refused, 0 failed \(numbers 100 to \d+\)\n$/.test(some.text), some.text);
  equal((await run("nothing")).code, 2);
});
