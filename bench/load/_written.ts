/**
 * Findings as a table of `docs/serving.md`, which `deno task load --write` puts in the place of the last one.
 *
 * @module
 */
import { ROOT } from "../_process.ts";
import type { Finding } from "./_finding.ts";

const DOCUMENT = `${ROOT}/docs/serving.md`;

/** Puts a block into a text between the marks of its name; where there are none, before the mark of all. */
export function withBlock(text: string, name: string, block: string): string {
  const [begin, end] = [`<!-- load: ${name} -->`, `<!-- /load: ${name} -->`];
  const whole = `${begin}\n\n${block}\n\n${end}`;
  const [from, to] = [text.indexOf(begin), text.indexOf(end)];
  if (from >= 0 && to > from) return text.slice(0, from) + whole + text.slice(to + end.length);
  return text.replace(ALL, `${whole}\n\n${ALL}`);
}

const ALL = "<!-- load: all -->";

/** Findings under a line that says where and when they were found. */
export function tableOf(findings: readonly Finding[], about: string): string {
  const rows = findings.map(({ phase, what, found, isRight }) => {
    const verdict = isRight === undefined ? "" : isRight ? "yes" : "**no**";
    return `| ${[phase, what, found, verdict].map(cell).join(" | ")} |`;
  });
  const head = ["| phase | what | found | as it has to be |", "| --- | --- | --- | --- |"];
  return [about, "", ...head, ...rows].join("\n");
}

/** Findings of several services, a column each; a figure that is not as it has to be is marked. */
export function tableOfServices(
  services: Readonly<Record<string, readonly Finding[]>>,
  about: string,
): string {
  const names = Object.keys(services);
  const keyOf = ({ phase, what }: Finding) => `| ${cell(phase)} | ${cell(what)} |`;
  const keys = new Set(Object.values(services).flat().map(keyOf));
  const rows = Array.from(keys, (key) => {
    const cells = names.map((name) => {
      const finding = services[name]!.find((one) => keyOf(one) === key);
      if (!finding) return "–";
      return finding.isRight === false
        ? `**not right:** ${cell(finding.found)}`
        : cell(finding.found);
    });
    return `${key} ${cells.join(" | ")} |`;
  });
  const head = [["phase", "what", ...names], ["---", "---", ...names.map(() => "---")]];
  return [about, "", ...head.map((cells) => `| ${cells.join(" | ")} |`), ...rows].join("\n");
}

function cell(text: string): string {
  return text.replaceAll("|", "/");
}

/** Writes a table into the document, in its layout. */
export async function writeTable(name: string, table: string): Promise<void> {
  const text = await Deno.readTextFile(DOCUMENT);
  await Deno.writeTextFile(DOCUMENT, withBlock(text, name, table));
  await new Deno.Command(Deno.execPath(), { args: ["fmt", "--quiet", DOCUMENT] }).output();
}
