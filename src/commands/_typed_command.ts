/**
 * How the user types a command of ours: as a task of a checkout, or by the name of the published package.
 *
 * Every hint and example goes through here, so that what is printed can be pasted.
 *
 * @module
 */
import earshot from "../../deno.json" with { type: "json" };

/** Where this runs: the address of this module, and the path of the Deno that runs it. */
export interface Installation {
  module: string;
  execPath: string;
}

/**
 * A command line to paste.
 *
 * @param command the command with its arguments, such as "train --output my-model".
 * @param place where the package and Deno are. @default where they are
 */
export function typedCommand(command: string, place?: Installation): string {
  return `${prefixOf(place ?? { module: import.meta.url, execPath: Deno.execPath() })} ${command}`;
}

/** What lies among npm's packages is no checkout, and has no tasks. */
const AMONG_PACKAGES = /[/\\]node_modules[/\\]/;

/** Of npx, or of a project: no shell finds such a Deno, other than one that npm has put into its own folder. */
const UNSEEN_DENO = /(?<![/\\](lib|npm))[/\\]node_modules[/\\]/;

function prefixOf({ module, execPath }: Installation): string {
  const deno = UNSEEN_DENO.test(execPath) ? "npx --yes deno" : "deno";
  const isCheckout = module.startsWith("file:") && !AMONG_PACKAGES.test(module);
  return isCheckout ? `${deno} task` : `${deno} run -A jsr:${earshot.name}/cli`;
}
