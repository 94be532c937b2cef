import { deepEqual, rejects } from "node:assert/strict";
import { openForm } from "../../edge/_streamed_form.ts";

async function formOf(
  parts: [name: string, value: string | Blob][],
): Promise<[Uint8Array, string]> {
  const form = new FormData();
  for (const [name, value] of parts) form.append(name, value);
  const response = new Response(form);
  const type = response.headers.get("content-type")!;
  return [new Uint8Array(await response.arrayBuffer()), type];
}

async function* cut(bytes: Uint8Array, size: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

async function joined(pieces: AsyncIterable<Uint8Array>): Promise<number[]> {
  const found: number[] = [];
  for await (const piece of pieces) found.push(...piece);
  return found;
}

Deno.test("openForm() gives the fields and the file however the bytes are cut", async () => {
  const mark = "\r\n--\r\n----";
  const content = Array.from({ length: 500 }, (_, i) => i % 7 ? i % 256 : mark.charCodeAt(i % 10));
  const file = new Blob([new Uint8Array(content)]);
  const [bytes, type] = await formOf([["a", "1"], ["b", "ü\r\n"], ["file", file], ["c", "2"]]);
  for (const size of [1, 2, 3, 7, 64, 10_000]) {
    const { fields, file } = await openForm(cut(bytes, size), type);
    deepEqual([fields, await joined(file)], [{ a: "1", b: "ü\r\n" }, content]);
  }
});

Deno.test("openForm() refuses what is no form, has no file, or breaks off", async () => {
  const file: [string, Blob] = ["file", new Blob(["some bytes"])];
  const [bytes, type] = await formOf([["a", "1"], file]);
  const [without] = await formOf([["a", "1"]]);
  const open = async (bytes: Uint8Array, ofType = type) => {
    return await joined((await openForm(cut(bytes, 50), ofType)).file);
  };
  const typeOf = (bytes: Uint8Array) => {
    const [, boundary] = /^--(\S+)/.exec(new TextDecoder().decode(bytes))!;
    return `multipart/form-data; boundary="${boundary}"`;
  };
  deepEqual((await open(bytes, typeOf(bytes))).length, 10);
  await rejects(open(bytes, "multipart/form-data"), /expected a boundary in Content-Type/);
  await rejects(open(new Uint8Array(50)), /expected a file in it/);
  await rejects(open(new Uint8Array(50_000)), /expected parts of at most 16384 bytes/);
  await rejects(open(without, typeOf(without)), /expected a file in it/);
  await rejects(open(bytes.slice(0, -10)), /broke off/);
  const many = Array.from({ length: 200 }, (_, i): [string, string] => [`f${i}`, "x"]);
  const [long] = await formOf([...many, file]);
  await rejects(open(long, typeOf(long)), /expected at most 100 fields before the file/);
});
