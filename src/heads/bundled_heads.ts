/**
 * What a bundle says of the heads that lie beside its model.
 *
 * @module
 */
import type { BackboneFacts } from "./backbone.ts";

/** The file, beside the model's. */
export const HEADS_FILE = "heads.json";

/** Its content. */
export interface BundledHeads {
  /** The fingerprint was compared with each head's when the bundle was made. */
  backbone: BackboneFacts;
  /** Names of the heads, each a folder of `heads`. */
  heads: string[];
}
