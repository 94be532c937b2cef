/**
 * Models to the hub.
 *
 * @module
 */
export type { TrainingOrigin } from "./_folder_facts.ts";
export { type KnownFacts, pushDirectory, pushToHub, type PushToHubOptions } from "./push_to_hub.ts";
