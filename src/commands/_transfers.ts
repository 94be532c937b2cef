/**
 * How files come from the hub and go there: a bar for each that is worth one.
 *
 * @module
 */
import { MEGABYTE, type Output } from "./_output.ts";

/** How far one file is. */
export interface Transfer {
  file: string;
  doneBytes: number;
  totalBytes: number;
}

/** The bars of one command. */
export interface TransferBars {
  show(transfer: Transfer): void;
  /** Takes the last one away. */
  end(): void;
}

/**
 * Bars for what takes a while.
 *
 * @param verb "Downloading" or "Uploading".
 */
export function transferBars(verb: string, out: Output): TransferBars {
  let current: string | undefined;
  let tick: ReturnType<Output["progress"]> | undefined;
  return {
    show: ({ file, doneBytes, totalBytes }) => {
      if (totalBytes < MEGABYTE) return;
      if (file !== current) {
        tick?.(undefined);
        out.warn(`${verb} ${file}, ${Math.ceil(totalBytes / MEGABYTE)} MB`);
        tick = out.progress("MB", Math.ceil(totalBytes / MEGABYTE));
        current = file;
      }
      tick?.(Math.ceil(doneBytes / MEGABYTE));
    },
    end: () => tick?.(undefined),
  };
}
