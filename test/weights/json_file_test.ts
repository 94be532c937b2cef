import { deepEqual, equal, rejects } from "node:assert/strict";
import { type ByteSource, bytesSource, type FileReader } from "../../src/weights/byte_source.ts";
import { readJsonFile } from "../../src/weights/json_file.ts";

const MAX_BYTES = 16 * 2 ** 20;

/** A directory with one file, which says whether it was closed. */
function directory(file: ByteSource): { files: FileReader; isClosed: () => boolean } {
  let closed = false;
  const source: ByteSource = { ...file, close: () => void (closed = true) };
  const open = (name: string) => Promise.resolve(name === "config.json" ? source : undefined);
  return { files: { name: "runs/a", open }, isClosed: () => closed };
}

function text(content: string): ByteSource {
  return bytesSource("config.json", new TextEncoder().encode(content));
}

Deno.test("readJsonFile() gives the object, and closes the file", async () => {
  const { files, isClosed } = directory(text('{"hidden_size":8,"__proto__":1}'));
  deepEqual(Object.entries(await readJsonFile(files, "config.json")), [
    ["hidden_size", 8],
    ["__proto__", 1],
  ]);
  equal(isClosed(), true);
});

for (
  const [what, source, message] of [
    ["broken JSON", text("{"), /expected JSON, found other text$/],
    ["bytes that are no text", bytesSource("x", Uint8Array.of(0x22, 0xff, 0x22)), /expected JSON/],
    ["a list", text("[1]"), /expected a JSON object, found a list$/],
    ["null", text("null"), /expected a JSON object, found null$/],
    ["a number", text("3"), /expected a JSON object, found a number$/],
    [
      "a file beyond the limit",
      { ...text("{}"), sizeBytes: MAX_BYTES + 1 },
      /expected at most 16777216 bytes, found 16777217$/,
    ],
    ["a file that has shrunk", { ...text("{}"), sizeBytes: 9 }, /expected bytes 0 to 9/],
  ] as const
) {
  Deno.test(`readJsonFile() refuses ${what}, and closes the file`, async () => {
    const { files, isClosed } = directory(source);
    await rejects(readJsonFile(files, "config.json"), { name: "CheckpointError", message });
    equal(isClosed(), true);
  });
}

Deno.test("readJsonFile() names the file that is not there by its path", async () => {
  const message = 'Cannot read "runs/a/preprocessor_config.json": expected a file, found nothing';
  const { files } = directory(text("{}"));
  await rejects(readJsonFile(files, "preprocessor_config.json"), {
    name: "CheckpointError",
    file: "runs/a/preprocessor_config.json",
    message,
  });
});
