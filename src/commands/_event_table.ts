/**
 * Events as the bytes of a file: a Parquet table, or a text of one of the annotation formats.
 *
 * @module
 */
import { parquetWriteBuffer } from "hyparquet-writer";
import { ANNOTATION_FORMATS, type AnnotationFormatName, type WrittenEvent } from "../detect/mod.ts";

/** What events can be written as. */
export type EventFormat = AnnotationFormatName | "parquet";

/** The formats by name. */
export const EVENT_FORMATS: readonly EventFormat[] = [
  ...Object.keys(ANNOTATION_FORMATS) as AnnotationFormatName[],
  "parquet",
];

/** The ending of a format's files, with the dot. */
export function endingOf(format: EventFormat): string {
  return format === "parquet" ? ".parquet" : ANNOTATION_FORMATS[format].ending;
}

/** The file of these events, which depends on them alone. */
export function eventTable(format: EventFormat, events: readonly WrittenEvent[]): Uint8Array {
  if (format === "parquet") return parquetTable(events);
  const { heading, line } = ANNOTATION_FORMATS[format].writer();
  return new TextEncoder().encode(heading + events.map((event) => line(event)).join(""));
}

function parquetTable(events: readonly WrittenEvent[]): Uint8Array {
  const column = <Field extends keyof WrittenEvent>(name: Field, type: "STRING" | "DOUBLE") => ({
    name,
    type,
    nullable: false,
    data: events.map((event) => event[name]),
  });
  const columnData = [
    column("file", "STRING"),
    column("start", "DOUBLE"),
    column("end", "DOUBLE"),
    column("label", "STRING"),
    column("score", "DOUBLE"),
  ];
  return new Uint8Array(parquetWriteBuffer({ columnData, createdBy: "Earshot" }));
}
