/**
 * Pushes of checkpoints while a run goes on: one after the other, and the run waits for none of them before its end.
 *
 * What is sent is read from the checkpoint's files, so that a push changes nothing of the training. A push that fails is
 * named, and does not end the run.
 *
 * Source: `Trainer._push_from_checkpoint` of transformers 5.18.
 *
 * @module
 */
import { basename } from "node:path";
import { CheckpointError, FileError, HubError } from "../../errors.ts";
import type { TrainerState } from "../checkpoints/state.ts";
import type { TrainerOptions } from "./_trainer_options.ts";
import { pushCheckpoint, pushRun } from "./push.ts";

/** The folder in a repository that holds the newest checkpoint. */
const NEWEST = "last-checkpoint";

/** The checkpoints of a run on their way to the hub. */
export class CheckpointPushes {
  readonly #onNotice: (message: string) => void;
  /** Directories that are being sent, or wait for it. */
  readonly #directories: string[] = [];
  #last: Promise<void> = Promise.resolve();
  #failure: { error: unknown } | undefined;

  /** @param onNotice called with what went wrong, where the run goes on all the same. */
  constructor(onNotice: (message: string) => void) {
    this.#onNotice = onNotice;
  }

  /** Names of the checkpoints whose files are still needed. */
  get checkpoints(): string[] {
    return this.#directories.map((directory) => basename(directory));
  }

  /** Begins a push; left out while another is on its way, unless the arguments ask for each. */
  start(run: TrainerOptions, state: TrainerState, directory: string): void {
    if (this.#directories.length > 0 && !run.args.hubAlwaysPush) return;
    this.#directories.push(directory);
    // The state goes on while the push is on its way.
    const now = { ...state, logHistory: [...state.logHistory] };
    this.#last = this.#last.then(() => this.#push(run, now, directory));
  }

  async #push(run: TrainerOptions, state: TrainerState, directory: string): Promise<void> {
    try {
      await push(run, state, directory);
    } catch (error) {
      const isExpected = [HubError, FileError, CheckpointError].some((kind) =>
        error instanceof kind
      );
      if (!isExpected) this.#failure ??= { error };
      else {this.#onNotice(
          `${messageOf(error)}; the run goes on, and the next checkpoint is pushed`,
        );}
    } finally {
      this.#directories.shift();
    }
  }

  /**
   * Waits until all that was begun is done.
   *
   * @throws what no hub and no file is the reason of.
   */
  async finish(): Promise<void> {
    await this.#last;
    const failure = this.#failure;
    this.#failure = undefined;
    if (failure) throw failure.error;
  }
}

/** The model of a checkpoint, and where the arguments say so the checkpoint itself. */
async function push(run: TrainerOptions, state: TrainerState, directory: string): Promise<void> {
  const { saveStrategy, hubStrategy } = run.args;
  const place = saveStrategy === "steps"
    ? `step ${state.globalStep}`
    : `epoch ${Math.floor(state.epoch)}`;
  const commitMessage = `Training in progress, ${place}`;
  await pushRun(run, state, { commitMessage }, directory);
  if (hubStrategy !== "checkpoint" && hubStrategy !== "all_checkpoints") return;
  const folder = hubStrategy === "checkpoint" ? NEWEST : basename(directory);
  await pushCheckpoint(run, directory, { folder, message: `${commitMessage}, checkpoint` });
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
