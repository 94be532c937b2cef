/**
 * Models to the hub.
 *
 * @module
 */
export type { TrainingOrigin } from "./_folder_facts.ts";
export { CARD_FILE } from "./_card_choice.ts";
export {
  directoryCard,
  type KnownFacts,
  pushDirectory,
  pushToHub,
  type PushToHubOptions,
} from "./push_to_hub.ts";
