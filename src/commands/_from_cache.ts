/**
 * What a command wants of the hub and may not ask for: one line that says how to bring it.
 *
 * @module
 */
import { HubError } from "../errors.ts";
import { shellWords } from "./_arguments.ts";
import { typedCommand } from "./_typed_command.ts";

/** What was named on the command line. */
export interface HubThing {
  kind: "model" | "data set";
  /** `org/name` or `org/name@revision`. */
  name: string;
  /** What `pull` has to be given besides. */
  pullArgs?: readonly string[];
}

/**
 * What the cache gives.
 *
 * @throws {HubError} with the command that brings it, where the cache does not hold it; other errors as they are.
 */
export async function fromCache<T>(
  { kind, name, pullArgs = [] }: HubThing,
  loading: Promise<T>,
): Promise<T> {
  try {
    return await loading;
  } catch (error) {
    // A file that the cached commit does not have may be in a newer one.
    const isMissing = error instanceof HubError && ["offline", "file"].includes(error.reason);
    if (!isMissing) throw error;
    const pull = typedCommand(`pull ${shellWords([name, ...pullArgs])}`);
    // One line, hint included: there is one thing to do.
    throw new HubError(
      `Cannot use ${kind} "${name}": expected it here or in the cache, found neither; bring it with: ${pull}`,
      { reason: "offline", repository: error.repository, cause: error },
    );
  }
}
