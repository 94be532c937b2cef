/**
 * What may be trained further or exported: weights as they were trained, not those that an export has rounded.
 *
 * @module
 */
import { CheckpointError } from "../errors.ts";
import { filesOf, openWeights } from "../pretrained.ts";

/** @throws {CheckpointError} where the weights of a model directory are an export of 8 bits. */
export async function expectTrained(
  directory: string,
  verb: "export" | "fine-tune",
): Promise<void> {
  const source = await openWeights(await filesOf(directory));
  source.close();
  if (source.exported !== "q8") return;
  throw new CheckpointError(
    `Cannot ${verb} "${directory}": expected weights as they were trained, found an export of q8`,
    { file: directory, hint: "Name the directory that it was exported from" },
  );
}
