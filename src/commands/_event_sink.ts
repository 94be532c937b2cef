/**
 * Where events go that are found: standard output, a line each, or a directory with a part for each recording.
 *
 * @module
 */
import { ANNOTATION_FORMATS, type AnnotationWriter, type DetectedEvent } from "../detect/mod.ts";
import { FileError } from "../errors.ts";
import { fileError } from "../files.ts";
import { type EventFormat, eventTable } from "./_event_table.ts";
import type { ListedRecording } from "./_listed_recordings.ts";
import { onOneLine } from "./_printable.ts";
import type { PartsDirectory } from "./_parts_directory.ts";
import { UnwrittenResults } from "./_unwritten_results.ts";

/** Takes what is found in one recording. */
export interface RecordingSink {
  /** An event, in the order of their ends; one that has only begun too, where such are wanted. */
  take(event: DetectedEvent): void;
  /** All of it was heard; a recording that was not leaves no part. */
  finish(): Promise<void>;
}

/** Takes what is found, recording by recording. */
export interface EventSink {
  /** Whether the results of a recording are there already. */
  has(recording: ListedRecording): Promise<boolean>;
  open(recording: ListedRecording): RecordingSink;
}

/** What reads the other end of a pipe has gone. */
export class ClosedOutput extends Error {
  override readonly name = "ClosedOutput";
}

/** Text to standard output, whole. */
function print(text: string): void {
  const bytes = new TextEncoder().encode(text);
  try {
    for (let done = 0; done < bytes.length;) done += Deno.stdout.writeSync(bytes.subarray(done));
  } catch (cause) {
    if (cause instanceof Deno.errors.BrokenPipe) {
      throw new ClosedOutput("Cannot print: nobody reads any more", { cause });
    }
    const failure = fileError("write", "standard output", cause);
    throw failure instanceof FileError ? new UnwrittenResults(failure) : failure;
  }
}

/** How lines look: for people, for programs, or as a format of annotations. */
export type LineFormat = Exclude<EventFormat, "parquet"> | "json" | "text";

/** Events as lines of standard output. */
export function lineSink(format: LineFormat): EventSink {
  let writer: AnnotationWriter | undefined;
  const lineOf = (file: string, event: DetectedEvent): string => {
    const { start, end, label, score, state } = event;
    if (format === "text") return textLine(file, event);
    if (format === "json") return `${JSON.stringify({ file, start, end, label, score, state })}\n`;
    const isFirst = writer === undefined;
    writer ??= ANNOTATION_FORMATS[format].writer();
    return (isFirst ? writer.heading : "") + writer.line({ file, start, end, label, score });
  };
  return {
    has: () => Promise.resolve(false),
    open: ({ file }) => ({
      take: (event) => print(lineOf(file, event)),
      finish: () => Promise.resolve(),
    }),
  };
}

function textLine(file: string, { start, end, label, score, state }: DetectedEvent): string {
  const until = state === "began" ? "…".padEnd(9) : clock(end);
  return onOneLine(`${file}  ${clock(start)} – ${until}  ${score.toFixed(3)}  ${label}`) + "\n";
}

/** Seconds as `1:02:03.45`. */
function clock(seconds: number): string {
  const hundredths = Math.round(seconds * 100);
  const part = (value: number) => String(Math.floor(value)).padStart(2, "0");
  const [minutes, rest] = [Math.floor(hundredths / 6_000) % 60, hundredths % 6_000];
  const hours = Math.floor(hundredths / 360_000);
  return `${hours}:${part(minutes)}:${part(rest / 100)}.${part(rest % 100)}`;
}

/** A part for each recording. */
export function partSink(parts: PartsDirectory, format: EventFormat): EventSink {
  return {
    has: ({ name }) => parts.has(name),
    open: ({ file, name }) => {
      const events: DetectedEvent[] = [];
      return {
        take: (event) => event.state === "ended" && events.push(event),
        finish: () => {
          const rows = events.map(({ start, end, label, score }) => {
            return { file, start, end, label, score };
          });
          return parts.write(name, eventTable(format, rows));
        },
      };
    },
  };
}
