/**
 * Holds `src` to the table of ARCHITECTURE.md: which room may import which, and which run in any engine.
 *
 * @module
 */
import assert from "node:assert/strict";
import { basename, dirname, join, relative } from "node:path";

const ROOT = join(import.meta.dirname!, "..");

interface Room {
  imports: readonly string[];
  isPortable: boolean;
}

const PAGE = await Deno.readTextFile(join(ROOT, "ARCHITECTURE.md"));

/** The rooms by name, as the rows `| rooms | what they do | may import | runs in |` have them. */
const ROOMS: ReadonlyMap<string, Room> = new Map(
  PAGE.split("\n")
    .map((line) => line.split("|").map((cell) => cell.trim()))
    .filter((cells) => cells.length === 6 && cells[1]!.startsWith("`"))
    .flatMap(([, rooms, , imports, place]) => {
      const room = { imports: quoted(imports!), isPortable: place === "any engine" };
      return quoted(rooms!).map((name): [string, Room] => [name, room]);
    }),
);

function quoted(cell: string): string[] {
  return Array.from(cell.matchAll(/`([^`]+?)\/?`/g), (match) => match[1]!);
}

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
  const inner = parts.slice(0, 2).join("/");
  return ROOMS.has(inner) ? inner : parts[0]!;
}

/** The code of a file without comments, where examples import what the file may not. */
function code({ text }: SourceFile): string {
  return text.replace(/\/\*[\s\S]*?\*\//g, "").replace(/^\s*\/\/.*$/gm, "");
}

function imports(file: SourceFile): string[] {
  const found = code(file).matchAll(/(?:from|import)\s*\(?\s*"([^"]+)"/g);
  return Array.from(found, (match) => match[1]!);
}

Deno.test("ARCHITECTURE.md names every room of src, and no other", async () => {
  const rooms = new Set((await sourceFiles()).map((file) => file.room));
  assert.deepEqual([...ROOMS.keys()].sort(), [...rooms].sort());
});

/** The floors of the drawing, the highest first, with the rooms on each. */
function drawnFloors(): string[][] {
  const [drawing = ""] = PAGE.match(/^┌─+┐$.*?^└─+┘$/ms) ?? [];
  return drawing.split(/^[┌├└]─+[┐┤┘]$/m).map((floor) => floor.match(/[\w./]+/g) ?? [])
    .filter((rooms) => rooms.length > 0);
}

Deno.test("the drawing of ARCHITECTURE.md has each room once, above all that it imports", () => {
  const floors = drawnFloors();
  assert.deepEqual(floors.flat().sort(), [...ROOMS.keys()].sort());
  const floorOf = new Map(floors.flatMap((rooms, floor) => rooms.map((room) => [room, floor])));
  const upwards = Array.from(ROOMS).flatMap(([room, { imports }]) =>
    imports.filter((other) => floorOf.get(other)! <= floorOf.get(room)!)
      .map((other) => `${room} imports ${other}`)
  );
  assert.deepEqual(upwards, []);
});

Deno.test("the contents of ARCHITECTURE.md name each of its chapters", () => {
  const [, contents = ""] = PAGE.match(/^## Contents$(.*?)^## /ms) ?? [];
  const chapters = Array.from(PAGE.matchAll(/^## (.+)$/gm), (match) => match[1]!).slice(1);
  assert.deepEqual(Array.from(contents.matchAll(/^- \[(.+?)\]/gm), (match) => match[1]), chapters);
});

Deno.test("each room of src imports only what ARCHITECTURE.md lets it", async () => {
  const wrong: string[] = [];
  for (const file of await sourceFiles()) {
    if (file.room === "commands") continue;
    const allowed = ROOMS.get(file.room)?.imports;
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
    if (!ROOMS.get(file.room)?.isPortable) continue;
    const node = imports(file).filter((name) => name.startsWith("node:"));
    if (node.length > 0 || /\bDeno\./.test(code(file))) wrong.push(relative(ROOT, file.path));
  }
  assert.deepEqual(wrong, []);
});

Deno.test("only commands, and system for all others, ask Deno itself", async () => {
  // A device is picked in browsers too, where there is no system.
  const may = ["commands", "system", "devices.ts", "kernels/wasm"];
  const files = (await sourceFiles()).filter(({ room }) => !may.includes(room));
  const wrong = files.filter((file) => /\bDeno\.[a-z]/.test(code(file).replaceAll(/"[^"]*"/g, "")));
  assert.deepEqual(wrong.map(({ path }) => relative(ROOT, path)), []);
});

Deno.test("the library has no syntax that Node 20 lacks", async () => {
  const files = (await sourceFiles()).filter(({ room }) => room !== "commands");
  const wrong = files.filter((file) => /^\s*(await )?using \w/m.test(code(file)));
  assert.deepEqual(wrong.map(({ path }) => relative(ROOT, path)), []);
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

/** What stands outside of `src` and imports from it. */
async function entryFiles(): Promise<SourceFile[]> {
  const edge = ["edge", "edge/hosts"].flatMap((folder) =>
    Array.from(Deno.readDirSync(join(ROOT, folder)))
      .filter(({ isFile }) => isFile).map(({ name }) => `${folder}/${name}`)
  );
  const paths = ["mod.ts", "cli.ts", ...edge].map((name) => join(ROOT, name));
  return await Promise.all(
    paths.map(async (path) => ({ path, room: "", text: await Deno.readTextFile(path) })),
  );
}

/** Files that list what a folder has: those in them are its doors, whoever else imports them. */
const TABLES = ["mod.ts", "registry.ts", "_openers.ts", "_kernels.ts"];

Deno.test("a file that only its folder imports is private, unless a table of the folder lists it", async () => {
  const files = await sourceFiles();
  const importers = new Map<string, string[]>();
  for (const file of [...files, ...await entryFiles()]) {
    const targets = code(file).matchAll(/"(\.[^"]+\.ts)"/g);
    for (const [, target] of targets) {
      const path = join(file.path, "..", target!);
      importers.set(path, [...importers.get(path) ?? [], file.path]);
    }
  }
  const wrong = files.filter(({ path, room }) => {
    if (room.endsWith(".ts") || /^(_.*|mod\.ts)$/.test(basename(path))) return false;
    const by = importers.get(path) ?? [];
    const isListed = by.some((other) => TABLES.includes(basename(other)));
    return !isListed && by.every((other) => dirname(other) === dirname(path));
  });
  assert.deepEqual(wrong.map(({ path }) => relative(ROOT, path)), []);
});
