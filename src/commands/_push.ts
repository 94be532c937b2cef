/**
 * What `push` and `train --push-to-hub` print.
 *
 * @module
 */
import type { HubCommit, HubPushOptions } from "../hub/mod.ts";
import type { PushToHubOptions } from "../share/mod.ts";
import type { Output } from "./_output.ts";
import { transferBars } from "./_transfers.ts";

/** Pushes with bars and notes, and says what it came to. */
export async function printedPush(
  push: (watch: Pick<PushToHubOptions, "onNote"> & HubPushOptions) => Promise<HubCommit>,
  out: Output,
): Promise<HubCommit> {
  const bars = transferBars("Uploading", out);
  const pushed = await push({
    onNote: (note) => out.warn(note),
    onUpload: (progress) => bars.show({ ...progress, doneBytes: progress.sentBytes }),
  }).finally(bars.end);
  const { id, commit, url, sent, unchanged, created } = pushed;
  out.line(
    sent.length === 0
      ? `Nothing to push: ${url} has these ${unchanged.length} files already`
      : `Pushed ${sent.join(", ")} to ${url}${created ? ", which is new" : ""}`,
  );
  out.line(`Commit: ${commit}`);
  out.event({ event: "push", id, commit, url, sent, unchanged, created });
  return pushed;
}
