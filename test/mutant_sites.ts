/**
 * Where a source file can be made wrong in one place, by eight patterns, and a seeded choice among all such places.
 *
 * Lines are read one by one with regular expressions: comments, imports, types and the text of strings are left out,
 * and what slips through and does not compile is left to the caller.
 *
 * @module
 */
import { Random } from "../src/random.ts";

/** A place, and what is written there instead. */
export interface Site {
  file: string;
  /** From 1. */
  line: number;
  pattern: string;
  /** The line as it is. */
  before: string;
  /** The line as it becomes. */
  after: string;
}

/** What is looked for, and what stands there instead. */
type Rule = readonly [find: RegExp, replace: (found: string, ...groups: string[]) => string];

const swap = (a: string, b: string) => (found: string): string => found === a ? b : a;

/** Names of lengths of axes, so that two of them beside each other are an order of axes. */
const AXES =
  "batch|frames|size|channels|rows|columns|width|bands|bins|heads|inputs|outputs|classes|" +
  "groups|times|clips|from|to|count|fewer|factor|frequency|cut|half";

/** The eight patterns. */
export const PATTERNS: Readonly<Record<string, readonly Rule[]>> = {
  activation: [
    [/"gelu"|"relu"/g, swap('"gelu"', '"relu"')],
    [/"silu"/g, () => '"gelu"'],
    [/\bMath\.tanh\b|\bMath\.sin\b|\bMath\.cos\b/g, (found) => {
      return found === "Math.sin" ? "Math.cos" : "Math.sin";
    }],
  ],
  constant: [
    [/(?<![\w.])(?:\d[\d_]*\.\d+|\d+e-?\d+|[2-9][\d_]*|1[\d_]+)(?![\w.])/g, (found) => {
      const value = Number(found.replaceAll("_", ""));
      return String(Number.isInteger(value) ? 2 * value : Number((2 * value).toPrecision(12)));
    }],
  ],
  comparison: [
    [/ < | <= /g, swap(" < ", " <= ")],
    [/ > | >= /g, swap(" > ", " >= ")],
    [/ === | !== /g, swap(" === ", " !== ")],
  ],
  "order of norms": [
    [/\bpreNorm(?=\w*)|\bpostNorm(?=\w*)/g, swap("preNorm", "postNorm")],
    [/\.layerNorm\b|\.finalLayerNorm\b/g, swap(".layerNorm", ".finalLayerNorm")],
    [/\.(?:first|second)Norm\b/g, swap(".firstNorm", ".secondNorm")],
    [/\.(?:attention|final)Norm\b/g, swap(".attentionNorm", ".finalNorm")],
    [/\bgroupNorm\b(?=[( )])|\blayerNorm\b(?=[( )])/g, swap("groupNorm", "layerNorm")],
    [/(?<![\w.])layerNorm\([\w.]+, ((?:\w|\([^()]*\))+)\)/g, (_, x) => x!],
  ],
  "off by one": [
    [/ [+-] 1(?![\w.])/g, () => ""],
    [/\blet (\w+) = 0;/g, (_, name) => `let ${name} = 1;`],
    [/\bMath\.(?:floor|ceil)\(/g, swap("Math.floor(", "Math.ceil(")],
  ],
  sign: [
    [/ [+] (?=[\w(])| - (?=[\w(])/g, swap(" + ", " - ")],
    [/ [+]= | -= /g, swap(" += ", " -= ")],
    [/(?<=[(,=?:] ?)-(?=[\w(])/g, () => ""],
  ],
  axis: [
    [/\.shape\[(\d)\]/g, (_, axis) => `.shape[${axis === "0" ? 1 : Number(axis) - 1}]`],
    [new RegExp(`\\b(${AXES}), (${AXES})\\b(?=[,\\]])`, "g"), (_, a, b) => `${b}, ${a}`],
    [/\.at\(-1\)/g, () => ".at(0)"],
  ],
  mask: [
    [/\blengths: valid\b|\blengths,(?= noise| wrapLayer|$)/g, () => "lengths: undefined,"],
    [/, (?:valid|counted)\)/g, () => ")"],
    [/\blengths && /g, () => "!lengths && "],
    [/\? 0 : 1\b|\? 1 : 0\b/g, swap("? 0 : 1", "? 1 : 0")],
    [/\bclearPadding\((\w+), lengths\)/g, (_, x) => x!],
    [/\bnoise \? /g, () => "!noise ? "],
  ],
};

/** Every place of a file where a pattern matches, from the first line to the last. */
export function sitesIn(file: string, text: string): Site[] {
  const sites: Site[] = [];
  let isPassed: string | undefined;
  for (const [i, before] of text.split("\n").entries()) {
    isPassed ??= passedUntil(before);
    if (isPassed !== undefined) {
      if (before.includes(isPassed)) isPassed = undefined;
      continue;
    }
    for (const [pattern, after] of changesOf(before)) {
      sites.push({ file, line: i + 1, pattern, before, after });
    }
  }
  return sites;
}

/** What ends the comment, import or type that a line begins; nothing where it is code. */
function passedUntil(line: string): string | undefined {
  if (/^\s*\/\*/.test(line)) return "*/";
  if (/^import\b|^export \{/.test(line)) return ";";
  if (/^(export )?(interface|type)\b.*\{/.test(line)) return "}";
  if (/^(export )?type\b|^\s*(\/\/|\|)/.test(line)) return "";
  return undefined;
}

/** Each change that a pattern makes of a line. */
function* changesOf(line: string): Iterable<[pattern: string, after: string]> {
  const seen = new Set([line]);
  for (const [pattern, rules] of Object.entries(PATTERNS)) {
    const quiet = quietParts(line, pattern === "activation");
    for (const [find, replace] of rules) {
      for (const match of line.matchAll(find)) {
        const [start, end] = [match.index, match.index + match[0].length];
        if (quiet.some(([from, to]) => from < end && start < to)) continue;
        const there = replace(...match as unknown as [string, ...string[]]);
        const after = line.slice(0, start) + there + line.slice(end);
        if (!seen.has(after)) yield [pattern, after];
        seen.add(after);
      }
    }
  }
}

/** Strings, unless they are wanted, and a comment at the end of the line. */
function quietParts(line: string, wantsStrings: boolean): [from: number, to: number][] {
  const comment = line.search(/\s\/\/ /);
  const parts: [number, number][] = comment < 0 ? [] : [[comment, Infinity]];
  if (wantsStrings) return parts;
  for (const { 0: { length }, index } of line.matchAll(/"[^"]*"|`[^`]*`?/g)) {
    parts.push([index, index + length]);
  }
  return parts;
}

/** Which of all sites are tried. */
export interface Choice {
  seed: number;
  count: number;
  /** At least so many of each folder. */
  least: number;
  folderOf: (site: Site) => string;
}

/**
 * Sites in the order in which they are to be tried: shuffled by the seed, one from each folder that still lacks some
 * being taken before others when no more than these fit in. More follow than `count`, so that what turns
 * out to be none can be replaced by the next.
 */
export function* chooseSites(
  sites: readonly Site[],
  choice: Choice,
): Generator<Site, void, boolean> {
  const { count, least, folderOf } = choice;
  const order = shuffled(sites, new Random(choice.seed));
  const lacks = new Map(order.map((site): [string, number] => [folderOf(site), least]));
  let left = count;
  while (left > 0 && order.length > 0) {
    const lacking = [...lacks.values()].reduce((sum, some) => sum + some, 0);
    const at = lacking < left ? 0 : order.findIndex((site) => lacks.get(folderOf(site))! > 0);
    const [site] = order.splice(Math.max(at, 0), 1);
    const counts = yield site!;
    if (counts === false) continue;
    left--;
    lacks.set(folderOf(site!), Math.max(0, lacks.get(folderOf(site!))! - 1));
  }
}

function shuffled<T>(items: readonly T[], random: Random): T[] {
  const order = [...items];
  for (let i = order.length - 1; i > 0; i--) {
    const j = random.below(i + 1);
    [order[i], order[j]] = [order[j]!, order[i]!];
  }
  return order;
}
