/**
 * Model cards: what a model's page on the hub says.
 *
 * @module
 */
export type { CardDataset, CardEvaluation, ModelCardFacts, ModelCardWords } from "./card_facts.ts";
export { isUntouchedCard, modelCard } from "./model_card.ts";
