/**
 * The output directory of a run to the hub, as its arguments say.
 *
 * The hub's client is loaded when it is asked for.
 *
 * @module
 */
import { basename } from "node:path";
import { listFolder } from "../../files.ts";
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
  const { outputDir, hubModelId, hubPrivateRepo, hubRevision, hubToken } = args;
  const name = basename(outputDir);
  const token = hubToken === undefined ? {} : { token: hubToken };
  const options = { ...hub, ...token, private: hubPrivateRepo, revision: hubRevision };
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

/** Pushes what a run has written, its output directory or a checkpoint's model, with a card of what it knows. */
export async function pushRun(
  run: TrainerOptions,
  state: TrainerState,
  { commitMessage: message = "End of training", ...given }: TrainerPushOptions,
  directory: string = run.args.outputDir,
): Promise<HubCommit> {
  const { pushDirectory } = await import("../../share/mod.ts");
  const { repo, options } = targetOf(run);
  const known = {
    trainingArguments: { ...run.args },
    history: state.logHistory,
    finetunedFrom: run.model.origin.hubId,
  };
  return await pushDirectory(repo, directory, { ...options, ...given, message }, known);
}

/**
 * Pushes all files of a checkpoint into a folder of the repository, from which a run can go on elsewhere.
 *
 * @throws {HubError} when the hub does not take them; nothing of them is in the repository then.
 */
export async function pushCheckpoint(
  run: TrainerOptions,
  directory: string,
  { folder, message }: { folder: string; message: string },
): Promise<HubCommit> {
  const { fileBlob, hubBranch } = await import("../../hub/mod.ts");
  const { repo, options } = targetOf(run);
  const { files } = await listFolder(directory);
  const uploads = await Promise.all(
    files.map(async (name) => ({
      path: `${folder}/${name}`,
      content: await fileBlob(`${directory}/${name}`),
    })),
  );
  const branch = await hubBranch(repo, options);
  return await branch.push(uploads, { message });
}
