/**
 * The output directory of a run to the hub, as its arguments say.
 *
 * The hub's client is loaded when it is asked for. Unlike the reference, nothing is pushed at checkpoints.
 *
 * @module
 */
import { basename } from "node:path";
import type { HubBranchOptions, HubCommit } from "../../hub/mod.ts";
import type { PushToHubOptions } from "../../share/mod.ts";
import type { TrainerState } from "../checkpoints/state.ts";
import type { TrainerOptions } from "./_trainer_options.ts";

/** What `trainer.pushToHub()` takes: the message is `commitMessage`, as in transformers. */
export interface TrainerPushOptions extends Omit<PushToHubOptions, "message"> {
  /** Title of the commit. @default "End of training" */
  commitMessage?: string;
}

/** Where a run goes. */
function targetOf({ args, hub }: TrainerOptions): { repo: string; options: HubBranchOptions } {
  const { outputDir, hubModelId, hubPrivateRepo, hubRevision } = args;
  const name = basename(outputDir);
  const options = { ...hub, private: hubPrivateRepo, revision: hubRevision };
  return { repo: hubModelId ?? name, options };
}

/**
 * Makes the repository if it is missing.
 *
 * @throws {HubError} when the model could not be pushed there.
 */
export async function expectHub(run: TrainerOptions): Promise<void> {
  const { hubBranch } = await import("../../hub/mod.ts");
  const { repo, options } = targetOf(run);
  await hubBranch(repo, options);
}

/** Pushes what a run has written, with a card of what it knows. */
export async function pushRun(
  run: TrainerOptions,
  state: TrainerState,
  { commitMessage: message = "End of training", ...given }: TrainerPushOptions,
): Promise<HubCommit> {
  const { pushDirectory } = await import("../../share/mod.ts");
  const { repo, options } = targetOf(run);
  const known = {
    trainingArguments: { ...run.args },
    history: state.logHistory,
    finetunedFrom: run.model.origin.hubId,
  };
  return await pushDirectory(repo, run.args.outputDir, { ...options, ...given, message }, known);
}
