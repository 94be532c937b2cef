/**
 * The models: architectures, configs and parameters.
 *
 * @module
 */
export type { ForwardOptions, ModelInputs, ModelOutput } from "./architecture.ts";
export { AudioClassificationModel, buildModel, type BuildModelOptions } from "./model.ts";
