/**
 * The options of `serve` and `bundle` that say who may ask the service.
 *
 * @module
 */
import { checkedOrigins, type ServiceSettings } from "../../edge/settings.ts";
import { type OptionSpecs, type OptionValues, UsageError } from "./_arguments.ts";

/** Options of the service itself. */
export const SERVICE_OPTIONS = {
  cors: {
    kind: "list",
    value: "ORIGIN,...",
    help: "origins whose pages may ask; *: all (EARSHOT_CORS)",
  },
} as const satisfies OptionSpecs;

/**
 * What was given, and nothing else.
 *
 * @throws {UsageError} for an origin that no browser would send.
 */
export function serviceSettings({ cors }: OptionValues<typeof SERVICE_OPTIONS>): ServiceSettings {
  try {
    return { ...cors && { cors: checkedOrigins(cors) } };
  } catch (cause) {
    throw new UsageError((cause as RangeError).message, { cause });
  }
}
