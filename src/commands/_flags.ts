/**
 * The names of options in the library's words and on the command line.
 *
 * The library has no flags: its errors, hints and helps name options as in code, in backquotes
 * (`` `loraRank: 8` ``). Here, and nowhere else, they become what is typed (`--lora-rank 8`).
 *
 * @module
 */

/** Options whose flag is not their name in kebab-case. */
const FLAGS: Readonly<Record<string, string>> = {
  outputDir: "output",
  resumeFromCheckpoint: "resume",
};

/** "learningRate" as "learning-rate". */
export function kebabCase(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}

/** The flag of an option: "--learning-rate" of "learningRate". */
export function flagOf(name: string): string {
  return `--${Object.hasOwn(FLAGS, name) ? FLAGS[name] : kebabCase(name)}`;
}

/** A text of the library with options as they are typed. */
export function inFlags(text: string): string {
  return text
    .replace(/`([a-z][A-Za-z0-9]*)(?:: ([^`]+))?`/g, (_, name: string, value?: string) => {
      if (value === undefined || value === "true") return flagOf(name);
      if (value === "false") return flagOf(name).replace("--", "--no-");
      return `${flagOf(name)} ${value.replace(/^"(.*)"$/, "$1")}`;
    })
    .replace(/training argument "([a-z]\w*)"/g, (_, name: string) => `argument "${flagOf(name)}"`);
}
