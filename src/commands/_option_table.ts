/**
 * Tables of options, and the types of what a command line gives for them.
 *
 * A command writes its table once, `as const` or inside {@linkcode defineCommand}; kinds, defaults and what is
 * required are then known to the compiler, so that no command casts a value.
 *
 * @module
 */

/** What every option says of itself. */
interface Described {
  /** What it is for; a default is added behind it. */
  help: string;
  /** What stands for the value in the help. */
  value?: string;
  /** Whether a command line without it is refused. */
  required?: true;
  /** Whether it is taken without being shown in the help. */
  isHidden?: true;
}

/** Takes no value: `--name`, and `--no-name` where it is on by itself. */
export interface FlagOption extends Pick<Described, "help" | "isHidden"> {
  kind: "flag";
  /** Whether it is on unless `--no-<name>` is given. */
  on?: boolean;
}

/** One word or sentence. */
export interface StringOption extends Described {
  kind: "string";
  default?: string;
}

/** A number. */
export interface NumberOption extends Described {
  kind: "number";
  default?: number;
  /** Whether only whole numbers are taken. */
  whole?: boolean;
  min?: number;
  max?: number;
}

/** One of a few words. */
export interface ChoiceOption extends Described {
  kind: "choice";
  choices: readonly string[];
  default?: string;
}

/** Words with commas between them. */
export interface ListOption extends Described {
  kind: "list";
  /** Whether commas are part of a word, and several words take the option several times. */
  isWhole?: true;
}

/** One option of a command. */
export type OptionSpec = FlagOption | StringOption | NumberOption | ChoiceOption | ListOption;

/** Options by their kebab-case names. */
export type OptionSpecs = Readonly<Record<string, OptionSpec>>;

/** Any value of an option. */
export type OptionValue = string | number | boolean | readonly string[];

type ValueOf<Spec> = Spec extends { kind: "flag" } ? boolean
  : Spec extends { kind: "number" } ? number
  : Spec extends { kind: "list" } ? readonly string[]
  : Spec extends { kind: "choice"; choices: readonly (infer Choice)[] } ? Choice
  : string;

type Missing<Spec> = Spec extends { kind: "flag" } | { required: true } | { default: unknown }
  ? never
  : undefined;

/** What a command line gives for a table: a value where there is a default, or one is required. */
export type OptionValues<Specs extends OptionSpecs> = {
  readonly [Name in keyof Specs]: ValueOf<Specs[Name]> | Missing<Specs[Name]>;
};

/** What stands for the value of an option in the help; nothing for a flag. */
export function valueName(spec: OptionSpec): string | undefined {
  if (spec.kind === "flag") return undefined;
  if (spec.value !== undefined) return spec.value;
  if (spec.kind === "choice") return spec.choices.join("|");
  return { string: "NAME", number: "N", list: "NAME,..." }[spec.kind];
}

/** The help of an option, with its default. */
export function helpText(spec: OptionSpec): string {
  const byDefault = "default" in spec ? spec.default : undefined;
  return byDefault === undefined ? spec.help : `${spec.help} (${byDefault})`;
}
