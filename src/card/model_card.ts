/**
 * The model card: `README.md` of a model, with the metadata that the hub searches by.
 *
 * It says what is known and leaves out what is not: nothing in it is guessed, and a section without facts is not there.
 * The last line is a seal over the rest, by which a card that a person has edited is distinguished from one that may be
 * replaced.
 *
 * Source: the fields of the hub's `modelcard.md`; hyperparameters and the table of results are in the words of the
 * card that transformers' `Trainer` writes.
 *
 * @module
 */
import { evaluationSection } from "./_evaluation.ts";
import { joined, type Section, text } from "./_markdown.ts";
import { metadataYaml } from "./_metadata.ts";
import { dataSection, trainingSection } from "./_training.ts";
import { introduction, labelsSection, limitsSection, usageSection } from "./_usage.ts";
import type { ModelCardFacts } from "./card_facts.ts";

/**
 * Writes a model card.
 *
 * @param facts what is known of the model; the rest is left out.
 * @returns Markdown behind YAML, sealed.
 *
 * @example
 * ```ts
 * import { modelCard } from "@earshot/earshot";
 * import assert from "node:assert/strict";
 *
 * const card = await modelCard({
 *   modelName: "doorbell",
 *   modelType: "wav2vec2",
 *   problemType: "single_label_classification",
 *   labels: ["ring", "silence"],
 * });
 * assert.match(card, /pipeline_tag: audio-classification/);
 * ```
 */
export async function modelCard(facts: ModelCardFacts): Promise<string> {
  const sections: (Section | undefined)[] = [
    labelsSection(facts),
    usageSection(facts),
    dataSection(facts),
    trainingSection(facts),
    evaluationSection(facts),
    limitsSection(facts),
    versionsSection(facts),
  ];
  const content = [
    `---\n${metadataYaml(facts)}---`,
    `# ${text(facts.modelName)}`,
    introduction(facts),
    ...sections.filter((section) => section !== undefined).flatMap(({ title, content }) => [
      `## ${title}`,
      content,
    ]),
  ];
  const body = `${joined(content)}\n\n`;
  return `${body}${sealOf(await digest(body))}\n`;
}

function versionsSection({ versions }: ModelCardFacts): Section | undefined {
  const rows = Object.entries(versions ?? {});
  if (rows.length === 0) return undefined;
  return {
    title: "Versions",
    content: rows.map(([name, version]) => `- ${text(name)} ${text(version)}`).join("\n"),
  };
}

const SEAL = /<!-- Written by Earshot, ([0-9a-f]{16}): [^\n]* -->\n$/;

function sealOf(hash: string): string {
  return `<!-- Written by Earshot, ${hash}: replaced by the next push, unless you change the text above -->`;
}

/**
 * Whether a card is as {@linkcode modelCard} wrote it, so that replacing it loses nothing that a person wrote.
 *
 * @example
 * ```ts
 * import { isUntouchedCard } from "./model_card.ts";
 * import assert from "node:assert/strict";
 *
 * assert.equal(await isUntouchedCard("# My model\n"), false);
 * ```
 */
export async function isUntouchedCard(card: string): Promise<boolean> {
  const found = card.match(SEAL);
  return found !== null && found[1] === await digest(card.slice(0, found.index));
}

async function digest(body: string): Promise<string> {
  const hash = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(body));
  return Array.from(
    new Uint8Array(hash).subarray(0, 8),
    (byte) => byte.toString(16).padStart(2, "0"),
  )
    .join("");
}
