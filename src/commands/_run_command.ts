/**
 * What happens between a command line and its command: permissions, what is required, and where paths begin.
 *
 * @module
 */
import { expectRequired, type ParsedArguments, shellWords, UsageError } from "./_arguments.ts";
import { type Command, enterTypedDirectory } from "./_command.ts";
import type { Output } from "./_output.ts";
import { PERMISSION_SETS, type PermissionSetName } from "./_permission_sets.ts";
import { typedCommand } from "./_typed_command.ts";

/** A command that is about to run. */
export interface CommandToRun {
  name: string;
  command: Command;
  permissions: PermissionSetName;
  /** The folder of `cli.ts`; undefined where it is no file. */
  root: string | undefined;
}

/**
 * Runs a command, and gives its exit code.
 *
 * Started as `deno run cli.ts train`, without a set of permissions, it asks on a terminal for each kind that is
 * missing, once; elsewhere it says what to type.
 *
 * @throws {UsageError} when something required is missing, or nothing may be done.
 */
export async function runCommand(
  { name, command, permissions, root }: CommandToRun,
  parsed: ParsedArguments,
  out: Output,
): Promise<number> {
  expectRequired(name, parsed, command.options);
  const missing = missingPermissions(permissions);
  if (Deno.stdin.isTerminal()) { for (const kind of missing) Deno.permissions.requestSync(kind); }
  else if (missing.length === kindsOf(permissions).length) throw withoutTask(name, parsed);
  enterTypedDirectory(root);
  try {
    return await command.run(parsed, out);
  } catch (error) {
    throw missing.length > 0 && isRefusal(error) ? withoutTask(name, parsed, error) : error;
  }
}

type Kind = { name: "read" | "write" | "net" | "run" | "env" };

/** The kinds of access that a set gives. */
function kindsOf(name: PermissionSetName): Kind[] {
  const set = PERMISSION_SETS[name];
  const kinds: Kind[] = [
    { name: "read" },
    { name: "write" },
    { name: "net" },
    { name: "run" },
    { name: "env" },
  ];
  return kinds.filter(({ name }) => set[name] !== undefined);
}

/** Those of which nothing is given that the set would give. */
function missingPermissions(name: PermissionSetName): Kind[] {
  const { net = [], run = [], env } = PERMISSION_SETS[name];
  // A host or variable with a wildcard is none that can be asked about.
  const plain = (names: readonly string[]) => names.filter((name) => !name.includes("*"));
  const samples: Readonly<Record<Kind["name"], Deno.PermissionDescriptor[]>> = {
    read: [{ name: "read" }, { name: "read", path: "." }],
    write: [{ name: "write" }, { name: "write", path: "." }],
    net: plain(net).map((host) => ({ name: "net", host })),
    run: run.map((command) => ({ name: "run", command })),
    env: plain(env.allow).map((variable) => ({ name: "env", variable })),
  };
  const isGranted = (sample: Deno.PermissionDescriptor) =>
    Deno.permissions.querySync(sample).state === "granted";
  return kindsOf(name).filter(({ name }) => !samples[name].some(isGranted));
}

/** Whether Deno refused something, however deep in the causes. */
function isRefusal(error: unknown): boolean {
  if (error instanceof Deno.errors.NotCapable) return true;
  return error instanceof Error && error.cause !== undefined && isRefusal(error.cause);
}

function withoutTask(name: string, { args }: ParsedArguments, cause?: unknown): UsageError {
  return new UsageError(
    `Cannot run command "${name}": expected the permissions of its task, found ${
      cause === undefined ? "none" : "some of them missing"
    }`,
    { cause, hint: `Type: ${typedCommand(shellWords([name, ...args]))}` },
  );
}
