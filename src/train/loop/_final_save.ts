/**
 * The end of a run on a full disk: the trained model stays in memory until it is somewhere.
 *
 * @module
 */
import { FileError } from "../../errors.ts";
import { isDiskFull } from "../../files.ts";
import { system } from "../../system/mod.ts";

const PAUSE_MS = 30_000;

/** Ten minutes. */
const TRIES = 20;

/** On a terminal the user is asked; elsewhere time has to help. */
export const SAVE_HELP: Omit<SaveHelp, "onNotice"> = {
  ...system.stdin.isTerminal() && { ask: (question: string) => confirm(question) },
  pause: (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds)),
  temporaryFolder: () => system.makeTempDir({ prefix: "earshot-model-" }),
};

/** What a save that fails can do. */
export interface SaveHelp {
  /** Called with what is wrong, and what is done about it. */
  onNotice: (message: string) => void;
  /** Asks whether to try again; undefined where nobody can be asked. */
  ask?: (question: string) => boolean | Promise<boolean>;
  /** Waits. */
  pause: (milliseconds: number) => Promise<void>;
  /** A folder of the system for what has no other place. */
  temporaryFolder: () => Promise<string>;
}

/**
 * Saves, and where the disk is full tries again: when the user says so, or every half minute for ten minutes. If it
 * stays full, the model goes into the system's temporary folder.
 *
 * @param save writes everything into its place.
 * @param saveElsewhere writes the model into another folder.
 * @throws {FileError} the first failure, its hint naming where the model is, if it found a place.
 */
export async function saveSurely(
  save: () => Promise<void>,
  saveElsewhere: (folder: string) => Promise<void>,
  help: SaveHelp,
): Promise<void> {
  const first = await failureOf(save);
  if (!first) return;
  for (let tries = 0; help.ask || tries < TRIES; tries++) {
    const problem = `${first.message}; the trained model is kept in memory`;
    if (help.ask) {
      if (!await help.ask(`${problem}. Make room, and try again?`)) break;
    } else {
      help.onNotice(`${problem}, and saving is tried again in ${PAUSE_MS / 1000} s`);
      await help.pause(PAUSE_MS);
    }
    if (!await failureOf(save)) return;
  }
  const { message, file, code } = first;
  const folder = await savedElsewhere(saveElsewhere, help);
  const hint = folder === undefined
    ? "There is no room in the system's temporary folder either: the trained model is lost"
    : `The trained model is in "${folder}"`;
  throw new FileError(message, { file, code, hint, cause: first });
}

/** Where the model found a place; undefined where it found none. */
async function savedElsewhere(
  save: (folder: string) => Promise<void>,
  { temporaryFolder, onNotice }: SaveHelp,
): Promise<string | undefined> {
  try {
    const folder = await temporaryFolder();
    await save(folder);
    return folder;
  } catch (error) {
    onNotice(error instanceof Error ? error.message : String(error));
    return undefined;
  }
}

/** Why there was no room; what else goes wrong passes through. */
async function failureOf(save: () => Promise<void>): Promise<FileError | undefined> {
  try {
    await save();
    return undefined;
  } catch (error) {
    if (error instanceof FileError && isDiskFull(error)) return error;
    throw error;
  }
}
