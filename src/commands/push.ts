/**
 * `push`: a model directory to the hub, with a card.
 *
 * @module
 */
import { pushDirectory, type PushToHubOptions } from "../share/mod.ts";
import { type OptionSpecs, type ParsedArguments, UsageError } from "./_arguments.ts";
import { type Command, expectNoFiles } from "./_command.ts";
import { printedPush } from "./_push.ts";

/** Options of the card, by the names that they have in code. */
const CARD_OPTIONS = {
  license: {
    kind: "text",
    value: "ID",
    help: "its license, such as apache-2.0 (the base model's)",
  },
  language: { kind: "text", value: "ID,...", help: "languages of the recordings, such as en" },
  tags: { kind: "text", value: "TAG,...", help: "tags beside those that follow from the model" },
  "model-name": { kind: "text", value: "NAME", help: "the heading (the name of the repository)" },
  "finetuned-from": { kind: "text", value: "ID", help: "the model that it was fine-tuned from" },
  "dataset-tags": { kind: "text", value: "ID", help: "what it learned from, on the hub" },
  dataset: { kind: "text", value: "NAME", help: "what people call that" },
  "dataset-args": { kind: "text", value: "NAME", help: "configuration of that" },
  "replace-card": { kind: "flag", help: "replace a README.md that was edited on the hub" },
} as const satisfies OptionSpecs;

/** `push` on the command line. */
export const command: Command = {
  usage: "push --model DIR --repo NAME [--private] [--message TEXT] [--revision BRANCH]",
  options: {
    model: { kind: "text", value: "DIR", help: "the model" },
    repo: { kind: "text", value: "NAME", help: "org/name on the hub, made where it is missing" },
    private: { kind: "flag", help: "make it private, or refuse if it is public" },
    message: { kind: "text", value: "TEXT", help: "title of the commit (Upload model)" },
    revision: { kind: "text", value: "BRANCH", help: "branch, made where it is missing (main)" },
    recordings: { kind: "flag", help: "let report.html take its recordings along" },
    ...CARD_OPTIONS,
  },
  examples: [
    "push --model my-model --repo me/my-model --private",
    "push --model my-model --repo me/my-model --language en --license cc-by-4.0",
  ],
  note: "The token is that of deno task login, or in HF_TOKEN.",
  run: async (parsed, out) => {
    expectNoFiles(parsed.files);
    const { model, repo, options } = choiceOf(parsed);
    await printedPush((watch) => pushDirectory(repo, model, { ...options, ...watch }), out);
    return 0;
  },
};

interface Choice {
  model: string;
  repo: string;
  options: PushToHubOptions;
}

function choiceOf({ options }: ParsedArguments): Choice {
  const text = (name: keyof typeof CARD_OPTIONS | "message" | "revision") =>
    options[name] as string | undefined;
  const list = (name: "language" | "tags") =>
    text(name)?.split(",").map((each) => each.trim()).filter((each) => each !== "");
  return {
    model: required(options, "model", "DIR"),
    repo: required(options, "repo", "NAME"),
    options: {
      private: options.private === true ? true : undefined,
      message: text("message"),
      revision: text("revision"),
      recordings: options.recordings === true,
      replaceCard: options["replace-card"] === true,
      license: text("license"),
      language: list("language"),
      tags: list("tags"),
      modelName: text("model-name"),
      finetunedFrom: text("finetuned-from"),
      datasetTags: text("dataset-tags"),
      dataset: text("dataset"),
      datasetArgs: text("dataset-args"),
    },
  };
}

function required(options: ParsedArguments["options"], name: string, value: string): string {
  const found = options[name];
  if (typeof found === "string") return found;
  throw new UsageError(`Cannot push: expected argument "--${name} ${value}", found none`);
}
