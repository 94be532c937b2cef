import assert from "node:assert/strict";
import { JsonReader } from "../../src/weights/_json_reader.ts";
import { seededRandom } from "./craft.ts";

/** Whether a text is exactly one JSON value to the reader. */
function accepts(text: string): boolean {
  const reader = new JsonReader(text);
  try {
    reader.skip();
    reader.end();
    return true;
  } catch (error) {
    assert.ok(error instanceof SyntaxError, `${text}: ${error}`);
    return false;
  }
}

function parses(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

Deno.test("JsonReader takes and refuses what JSON.parse does, repeated keys aside", () => {
  const pieces =
    '{}[],:"a" "\\n" "\\u0041" "\\x" 0 01 -1 - 1.5 1. .5 1e3 e tru true null \t \u00a0 \u0001'
      .split(" ");
  const random = seededRandom(2);
  let accepted = 0;
  for (let i = 0; i < 30_000; i++) {
    const length = 1 + Math.floor(random() * 5);
    const text = Array.from({ length }, () => pieces[Math.floor(random() * pieces.length)]).join(
      "",
    );
    assert.equal(accepts(text), parses(text), JSON.stringify(text));
    accepted += Number(parses(text));
  }
  assert.ok(accepted > 300, `only ${accepted} sound texts were tried`);
});

Deno.test("JsonReader refuses a key that comes twice, however it is spelled", () => {
  assert.ok(accepts('{"a":{"a":1},"b":{"a":1}}'));
  assert.ok(!accepts('{"a":1,"a":1}'));
  assert.ok(!accepts('{"a":1,"\\u0061":1}'));
  assert.ok(!accepts('[{"x":{"__proto__":1,"__proto__":2}}]'));
});

Deno.test("JsonReader.natural() takes integers of 0 to 2^53 - 1 and no other number", () => {
  const read = (text: string) => new JsonReader(text).natural();
  assert.equal(read("0"), 0);
  assert.equal(read(" 9007199254740991"), Number.MAX_SAFE_INTEGER);
  for (const text of ["9007199254740992", "-1", "-0", "1.0", "1e2", "01", "", "x", '"1"', "null"]) {
    assert.throws(() => read(text), SyntaxError, text);
  }
});

Deno.test("JsonReader.string() unescapes, and refuses half a surrogate pair", () => {
  assert.equal(new JsonReader('"a\\"\\\\\\u00e9\\ud83d\\ude00"').string(), 'a"\\é😀');
  for (const text of ['"\\ud83d"', '"\\ude00x"', '"abc', '"\\"', '"a\nb"']) {
    assert.throws(() => new JsonReader(text).string(), SyntaxError, text);
  }
});

Deno.test("JsonReader refuses hostile nesting instead of overflowing the stack", () => {
  assert.ok(accepts("[".repeat(60) + "]".repeat(60)));
  assert.ok(!accepts("[".repeat(1_000_000)));
  assert.ok(!accepts('{"a":'.repeat(500_000)));
});

Deno.test("JsonReader reads a string of 10 million characters in one go", () => {
  const long = "x".repeat(10_000_000);
  assert.equal(new JsonReader(`"${long}"`).string().length, long.length);
});
