/**
 * `push`: a model directory to the hub, with a card.
 *
 * @module
 */
import { pushDirectory, type PushToHubOptions } from "../share/mod.ts";
import type { OptionSpecs, OptionValues } from "./_arguments.ts";
import { type Command, defineCommand, expectNoFiles } from "./_command.ts";
import { printedPush } from "./_push.ts";
import { typedCommand } from "./_typed_command.ts";

/** Options of the card, by the names that they have in code. */
const CARD_OPTIONS = {
  license: {
    kind: "string",
    value: "ID",
    help: "its license, such as apache-2.0 (the base model's)",
  },
  language: { kind: "list", value: "ID,...", help: "languages of the recordings, such as en" },
  tags: { kind: "list", value: "TAG,...", help: "tags beside those that follow from the model" },
  "model-name": { kind: "string", help: "the heading (the name of the repository)" },
  "finetuned-from": {
    kind: "string",
    value: "ID",
    help: "the model that it was fine-tuned from",
  },
  "dataset-tags": { kind: "string", value: "ID", help: "what it learned from, on the hub" },
  dataset: { kind: "string", help: "what people call that" },
  "dataset-args": { kind: "string", help: "configuration of that" },
  "replace-card": { kind: "flag", help: "replace a README.md that was edited on the hub" },
} as const satisfies OptionSpecs;

const OPTIONS = {
  model: { kind: "string", value: "DIR", required: true, help: "the model" },
  repo: { kind: "string", required: true, help: "org/name on the hub, made where it is missing" },
  private: { kind: "flag", help: "make it private, or refuse if it is public" },
  message: { kind: "string", value: "TEXT", help: "title of the commit (Upload model)" },
  revision: { kind: "string", value: "BRANCH", help: "branch, made where it is missing (main)" },
  recordings: { kind: "flag", help: "let report.html take its recordings along" },
  ...CARD_OPTIONS,
} as const satisfies OptionSpecs;

/** `push` on the command line. */
export const command: Command = defineCommand({
  usage: "push --model DIR --repo NAME [--private] [--message TEXT] [--revision BRANCH]",
  options: OPTIONS,
  examples: [
    "push --model my-model --repo me/my-model --private",
    "push --model my-model --repo me/my-model --language en --license cc-by-4.0",
  ],
  note: `The token is that of ${typedCommand("login")}, or in HF_TOKEN.`,
  run: async ({ options, files }, out) => {
    expectNoFiles(files);
    const how = pushOptions(options);
    await printedPush(
      (watch) => pushDirectory(options.repo, options.model, { ...how, ...watch }),
      out,
    );
    return 0;
  },
});

function pushOptions(options: OptionValues<typeof OPTIONS>): PushToHubOptions {
  const { message, revision, recordings, license, language, tags, dataset } = options;
  return {
    private: options.private ? true : undefined,
    message,
    revision,
    recordings,
    replaceCard: options["replace-card"],
    license,
    language,
    tags,
    modelName: options["model-name"],
    finetunedFrom: options["finetuned-from"],
    datasetTags: options["dataset-tags"],
    dataset,
    datasetArgs: options["dataset-args"],
  };
}
