/**
 * Models and data sets of the Hugging Face hub, file by file, verified, in the cache that Python uses too.
 *
 * @module
 */
export type { HubFile } from "./cache.ts";
export { hubModelDirectory, hubModelFiles, type HubModelOptions } from "./model_files.ts";
export { type HubName, type HubRepositoryType, parseHubName } from "./names.ts";
export { hubFiles, type HubFilesOptions, type HubRepository } from "./repository.ts";
export type { HubOptions, HubProgress } from "./settings.ts";
