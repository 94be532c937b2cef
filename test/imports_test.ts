/**
 * The layers of `src` as ARCHITECTURE.md draws them: which room may import which, and which rooms stay portable.
 *
 * @module
 */
import assert from "node:assert/strict";
import { join, relative } from "node:path";

const ROOT = join(import.meta.dirname!, "..");

/** What a room may import besides itself; files at the root of `src` are rooms of their own. */
const ALLOWED: Readonly<Record<string, readonly string[]>> = {
  "errors.ts": [],
  "random.ts": [],
  "files.ts": ["weights"],
  "kernels.ts": [],
  "gradients.ts": ["kernels.ts"],
  audio: [],
  weights: [],
  features: ["audio"],
  "kernels/wasm": ["kernels.ts", "gradients.ts"],
  "kernels/webgpu": ["kernels.ts", "gradients.ts"],
  layers: ["kernels.ts", "random.ts"],
  models: ["kernels.ts", "layers", "weights", "random.ts"],
  "devices.ts": ["kernels/wasm", "kernels/webgpu"],
  classify: [
    "audio",
    "devices.ts",
    "features",
    "files.ts",
    "models",
    "pretrained.ts",
    "weights",
  ],
  "pretrained.ts": ["devices.ts", "features", "files.ts", "models", "weights"],
  data: ["audio", "files.ts", "random.ts", "weights"],
  train: [
    "data",
    "features",
    "files.ts",
    "gradients.ts",
    "kernels.ts",
    "layers",
    "models",
    "pretrained.ts",
    "random.ts",
    "weights",
  ],
};

/** Rooms that run in a browser or any isolate: no `Deno.*`, no `node:` import. */
const PORTABLE = [
  "errors.ts",
  "random.ts",
  "kernels.ts",
  "gradients.ts",
  "audio",
  "weights",
  "features",
  "layers",
  "models",
  "classify",
  "kernels/wasm",
  "kernels/webgpu",
];

interface SourceFile {
  path: string;
  room: string;
  text: string;
}

async function sourceFiles(): Promise<SourceFile[]> {
  const files: SourceFile[] = [];
  const visit = async (folder: string): Promise<void> => {
    for await (const entry of Deno.readDir(folder)) {
      const path = join(folder, entry.name);
      if (entry.isDirectory && entry.name !== "assembly") await visit(path);
      if (entry.isFile && path.endsWith(".ts")) {
        files.push({ path, room: roomOf(path), text: await Deno.readTextFile(path) });
      }
    }
  };
  await visit(join(ROOT, "src"));
  return files;
}

function roomOf(path: string): string {
  const parts = relative(join(ROOT, "src"), path).replaceAll("\\", "/").split("/");
  if (parts[0] === ".." || parts.length === 1) return parts.join("/");
  return parts[0] === "kernels" ? `kernels/${parts[1]}` : parts[0]!;
}

/** The code of a file without comments, where examples import what the file may not. */
function code({ text }: SourceFile): string {
  return text.replace(/\/\*[\s\S]*?\*\//g, "").replace(/^\s*\/\/.*$/gm, "");
}

function imports(file: SourceFile): string[] {
  const found = code(file).matchAll(/(?:from|import)\s*\(?\s*"([^"]+)"/g);
  return Array.from(found, (match) => match[1]!);
}

Deno.test("each room of src imports only what ARCHITECTURE.md lets it", async () => {
  const wrong: string[] = [];
  for (const file of await sourceFiles()) {
    if (file.room === "commands") continue;
    const allowed = ALLOWED[file.room];
    assert.ok(allowed, `${file.path} is in no room that ARCHITECTURE.md names`);
    for (const target of imports(file).filter((name) => name.startsWith("."))) {
      const room = roomOf(join(file.path, "..", target));
      const free = room === file.room || room === "errors.ts" || allowed.includes(room);
      if (!free) wrong.push(`${relative(ROOT, file.path)} imports ${target}`);
    }
  }
  assert.deepEqual(wrong, []);
});

Deno.test("portable rooms of src use neither Deno nor node", async () => {
  const wrong: string[] = [];
  for (const file of await sourceFiles()) {
    if (!PORTABLE.includes(file.room)) continue;
    const node = imports(file).filter((name) => name.startsWith("node:"));
    if (node.length > 0 || /\bDeno\./.test(code(file))) wrong.push(relative(ROOT, file.path));
  }
  assert.deepEqual(wrong, []);
});

Deno.test("a private file is imported by its own folder only", async () => {
  const wrong: string[] = [];
  for (const file of await sourceFiles()) {
    const strangers = imports(file).filter((name) =>
      /\/_[^/]+$/.test(name) && !/^\.\/_/.test(name)
    );
    wrong.push(...strangers.map((name) => `${relative(ROOT, file.path)} imports ${name}`));
  }
  assert.deepEqual(wrong, []);
});
