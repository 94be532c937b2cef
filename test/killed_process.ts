/**
 * The command line in processes that are killed, disks that fill up, and a table of what came of it.
 *
 * @module
 */
import { join } from "node:path";

const ROOT = join(import.meta.dirname!, "..");

/** How a process ended. */
export interface EndedProcess {
  code: number;
  stderr: string;
}

/** A process that runs, and how it will have ended. */
export interface StartedProcess {
  child: Deno.ChildProcess;
  ended: Promise<EndedProcess>;
}

/** Starts a command in a process of its own. */
export function startCommand(folder: string, args: readonly string[]): StartedProcess {
  const child = new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--quiet", "--no-check", join(ROOT, "cli.ts"), ...args],
    cwd: folder,
    env: { NO_COLOR: "1", INIT_CWD: folder },
    stdin: "null",
    stdout: "null",
    stderr: "piped",
  }).spawn();
  const ended = Promise.all([new Response(child.stderr).text(), child.status])
    .then(([stderr, { code }]) => ({ code, stderr }));
  return { child, ended };
}

/** What lies in a folder; nothing where there is none. */
export function namesIn(path: string): string[] {
  try {
    return Array.from(Deno.readDirSync(path), ({ name }) => name);
  } catch {
    return [];
  }
}

/** Lets others run for so long. */
export function pause(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}

/** Runs `use` while something is mounted at a path. */
export async function mounted(
  path: string,
  how: string[],
  use: () => Promise<void>,
): Promise<void> {
  await Deno.mkdir(path);
  await command("mount", [...how, path]);
  try {
    await use();
  } finally {
    await command("umount", [path]);
  }
}

/** Runs a program that must succeed. */
export async function command(name: string, args: string[]): Promise<void> {
  const { success, stderr } = await new Deno.Command(name, { args }).output();
  if (!success) throw new RangeError(`Cannot ${name}: ${new TextDecoder().decode(stderr)}`);
}

/** Writes a file until its disk is full. */
export async function fill(file: string): Promise<void> {
  const block = new Uint8Array(2 ** 16);
  using filler = await Deno.open(file, { write: true, create: true });
  try {
    for (;;) await filler.write(block);
  } catch {
    // It is full now.
  }
}

/** Rows in Markdown, with their sums: names first, then counts. */
export function tableOf(
  heads: readonly string[],
  rows: readonly (readonly (string | number)[])[],
): string {
  const sums = heads.map((_, i) =>
    i === 0 ? "all" : rows.reduce((sum, row) => sum + Number(row[i]), 0)
  );
  const rule = heads.map((_, i) => i === 0 ? "---" : "---:");
  return [heads, rule, ...rows, sums].map((cells) => `| ${cells.join(" | ")} |`).join("\n");
}
