/**
 * What of a model directory goes to the hub.
 *
 * A list of what may go, and not of what may not: checkpoints, arguments and logs lie there too, and name folders of
 * the machine that trained.
 *
 * @module
 */
import { join } from "node:path";
import { CheckpointError, UnsupportedOpError } from "../errors.ts";
import { directoryFiles, listFolder } from "../files.ts";
import { isAdapter } from "../heads/adapted_files.ts";
import { fileBlob, type HubUpload } from "../hub/mod.ts";
import { modelFileNames } from "../hub/model_files.ts";
import { isOfNeighbours } from "../models/neighbours.ts";
import { openCheckpoint } from "../weights/checkpoint.ts";

/** What is read by people, and by those who compare runs. */
const BESIDE =
  /^(config\.json|trainer_state\.json|\w+_results\.json|report\.html|LICENSE(\.md|\.txt)?)$/;

/** What the weights say of themselves. */
export interface FolderWeights {
  parameters: number;
  /** Whether `export` wrote them. */
  isExport: boolean;
}

/**
 * The files of a model directory that go to the hub, but for its card.
 *
 * @throws {CheckpointError} when there is no model, or its weights are not whole.
 */
export async function folderFiles(
  directory: string,
): Promise<{ files: HubUpload[]; weights: FolderWeights }> {
  const { files: names } = await listFolder(directory);
  if (!names.includes("config.json")) {
    throw new CheckpointError(
      `Cannot push "${directory}": expected a model directory, found no config.json in it`,
      { file: directory },
    );
  }
  if (await isAdapter(directoryFiles(directory))) {
    throw new UnsupportedOpError(
      `Cannot push "${directory}": expected a whole model, found an adapter of one`,
      { hint: "Push the adapter with Python's peft, or train without `saveAdapter`" },
    );
  }
  const weights = await weightsOf(directory);
  const going = [...modelFileNames(names), ...names.filter((name) => BESIDE.test(name))];
  const files = await Promise.all(
    going.map(async (path) => ({ path, content: await fileBlob(join(directory, path)) })),
  );
  return { files, weights };
}

/** Opens them, which checks that the files have the lengths that their headers state. */
async function weightsOf(directory: string): Promise<FolderWeights> {
  const source = await openCheckpoint(directoryFiles(directory));
  try {
    let parameters = 0;
    for (const name of source.names()) {
      if (isOfNeighbours(name)) {
        throw new UnsupportedOpError(
          `Cannot push "${directory}": expected a model that transformers knows, found a head by ` +
            "nearest neighbours",
          { hint: "Fit a linear or a centroid head to the same clips" },
        );
      }
      if (!source.dtype(name)?.match(/^(F|BF|I8)/)) continue;
      parameters += source.shape(name)!.reduce((product, length) => product * length, 1);
    }
    return { parameters, isExport: source.exported !== undefined };
  } finally {
    source.close();
  }
}
