/**
 * The command line: `deno run -A jsr:@earshot/earshot/cli train`, or `earshot train` after
 * `deno install -gA -n earshot jsr:@earshot/earshot/cli`; in a clone `deno task train`.
 *
 * It finds the command, and turns what went wrong into one line and an exit code: 1 where the work failed,
 * 2 where the command line was wrong, 74 where what was found cannot be written.
 *
 * @module
 */
import denoJson from "./deno.json" with { type: "json" };
import {
  COMMANDS,
  COMMON_OPTIONS,
  helpOf,
  inFlags,
  nearest,
  onOneLine,
  parseArguments,
  processOutput,
  runCommand,
  typedCommand,
  UNWRITTEN_RESULTS_CODE,
  UnwrittenResults,
  UsageError,
} from "./src/commands/registry.ts";

const HELP = [
  typedCommand("COMMAND [options]"),
  "",
  ...Object.entries(COMMANDS).map(([name, { summary }]) => `  ${name.padEnd(8)}  ${summary}`),
  "",
  "  COMMAND --help shows its options and examples, --version the version.",
].join("\n");

/** Runs a command line; 0 where all went well, 1 where it failed. */
async function run([name, ...args]: string[]): Promise<number> {
  if (name === "--version") {
    console.log(`earshot ${denoJson.version}, deno ${Deno.version.deno}`);
    return 0;
  }
  if (name === undefined || ["--help", "-h", "help"].includes(name)) {
    (name ? console.log : console.error)(HELP);
    return name ? 0 : 2;
  }
  const entry = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined;
  if (!entry) throw unknownCommand(name);
  const { command } = await entry.load();
  const tables = { ...command, options: { ...command.options, ...COMMON_OPTIONS } };
  const parsed = parseArguments(args, tables);
  if (parsed.options.help) {
    console.log(helpOf(entry.summary, command));
    return 0;
  }
  const { permissions } = entry;
  const toRun = { name, command, permissions, root: import.meta.dirname };
  return await runCommand(toRun, parsed, processOutput(parsed.options.json === true));
}

function unknownCommand(name: string): UsageError {
  const names = Object.keys(COMMANDS);
  const near = nearest(name, names);
  return new UsageError(
    `Cannot run command "${name}": expected one of ${names.join(", ")}`,
    { hint: near ? `Did you mean ${near}?` : "--help says what each does" },
  );
}

/** Prints an error for people, and gives the exit code. */
function report(error: unknown, verbose: boolean): number {
  const { message = String(error), hint } = error as { message?: string; hint?: string };
  const isOurs = /^Cannot /.test(message);
  console.error(onOneLine(inFlags(isOurs ? message : `Cannot go on: ${message}`)));
  if (hint ?? !isOurs) console.error(onOneLine(inFlags(`- ${hint ?? "--verbose shows where"}`)));
  if (verbose) console.error(error);
  if (error instanceof UnwrittenResults) return UNWRITTEN_RESULTS_CODE;
  return error instanceof UsageError ? 2 : 1;
}

if (import.meta.main) {
  Deno.exit(await run(Deno.args).catch((error) => report(error, Deno.args.includes("--verbose"))));
}
