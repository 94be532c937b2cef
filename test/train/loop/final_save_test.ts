/**
 * A trained model and a full disk.
 *
 * @module
 */
import { deepEqual, equal, match, rejects } from "node:assert/strict";
import { FileError } from "../../../src/errors.ts";
import { type SaveHelp, saveSurely } from "../../../src/train/loop/_final_save.ts";

function full(file: string): FileError {
  return new FileError(`Cannot write "${file}": the disk is full`, { file, code: "ENOSPC" });
}

interface Recorded extends SaveHelp {
  notices: string[];
  pauses: number[];
}

function recorded(folder: string, ask?: SaveHelp["ask"]): Recorded {
  const notices: string[] = [];
  const pauses: number[] = [];
  return {
    notices,
    pauses,
    ask,
    onNotice: (message) => void notices.push(message),
    pause: (milliseconds) => {
      pauses.push(milliseconds);
      return Promise.resolve();
    },
    temporaryFolder: () => Promise.resolve(folder),
  };
}

/** A save that finds the disk full so many times. */
function saving(failures: number): () => Promise<void> {
  return () => failures-- > 0 ? Promise.reject(full("out/model.safetensors")) : Promise.resolve();
}

Deno.test("saveSurely() waits for room, half a minute at a time", async () => {
  const help = recorded("unused");
  await saveSurely(saving(3), () => Promise.reject(full("elsewhere")), help);
  deepEqual(help.pauses, [30_000, 30_000, 30_000]);
  match(help.notices[0]!, /disk is full; the trained model is kept in memory, .* again in 30 s$/);
});

Deno.test("saveSurely() asks the user where there is one", async () => {
  const questions: string[] = [];
  const help = recorded("unused", (question) => {
    questions.push(question);
    return true;
  });
  await saveSurely(saving(2), () => Promise.resolve(), help);
  equal(questions.length, 2);
  match(questions[0]!, /Make room, and try again\?$/);
  deepEqual(help.pauses, []);
});

Deno.test("saveSurely() puts the model into a temporary folder in the end, and says where", async () => {
  const folder = await Deno.makeTempDir();
  const help = recorded(folder);
  const written: string[] = [];
  const elsewhere = (folder: string) => {
    written.push(folder);
    return Promise.resolve();
  };
  await rejects(saveSurely(saving(Infinity), elsewhere, help), {
    name: "FileError",
    message: 'Cannot write "out/model.safetensors": the disk is full',
    hint: `The trained model is in "${folder}"`,
  });
  deepEqual(written, [folder]);
  equal(help.pauses.length, 20);
  const refusing = recorded(folder, () => false);
  await rejects(saveSurely(saving(Infinity), elsewhere, refusing), { code: "ENOSPC" });
  await rejects(
    saveSurely(saving(Infinity), () => Promise.reject(full(folder)), recorded(folder)),
    {
      hint: "There is no room in the system's temporary folder either: the trained model is lost",
    },
  );
  await Deno.remove(folder);
});

Deno.test("saveSurely() passes other failures on at once", async () => {
  const help = recorded("unused");
  const denied = new FileError('Cannot write "out"', { file: "out", code: "EACCES" });
  await rejects(saveSurely(() => Promise.reject(denied), () => Promise.resolve(), help), denied);
  deepEqual(help.pauses, []);
});
