/**
 * The recordings in a folder, whatever its layout.
 *
 * @module
 */
import { isAudio } from "./folder_layout.ts";
import { listFolder } from "../files.ts";

/**
 * The files in a folder, however deep, whose names end as audio does.
 *
 * @throws {FileError} where the folder cannot be listed.
 */
export async function audioFilesBelow(folder: string): Promise<string[]> {
  const { files, folders } = await listFolder(folder);
  const found = files.filter(isAudio).map((file) => `${folder}/${file}`);
  for (const name of folders) found.push(...await audioFilesBelow(`${folder}/${name}`));
  return found;
}
