/**
 * Models and data sets of the Hugging Face hub, file by file, verified, in the cache that Python uses too.
 *
 * @module
 */
export { type HubAccount, hubAccount, removeToken, storeToken } from "./account.ts";
export type { HubFile } from "./cache.ts";
export { fileBlob } from "./file_blob.ts";
export { hubModelDirectory, hubModelFiles, type HubModelOptions } from "./model_files.ts";
export { type HubName, type HubRepositoryType, parseHubName } from "./names.ts";
export { hubFiles, type HubFilesOptions, type HubRepository } from "./repository.ts";
export type { HubOptions, HubProgress } from "./settings.ts";
export {
  type HubBranch,
  hubBranch,
  type HubBranchOptions,
  type HubCommit,
  type HubPushOptions,
  type HubUpload,
} from "./upload.ts";
export type { HubUploadProgress } from "./upload_fetch.ts";
