import { deepEqual, equal, throws } from "node:assert/strict";
import { type AnnotationFault, parseAnnotations } from "../../src/detect/annotations.ts";
import { DatasetError } from "../../src/errors.ts";

const DOG = { start: 1.5, end: 2.25, label: "dog" };
const CAT = { start: 4, end: 5, label: "cat" };

/** Lines of cells; a tab stands for each run of two spaces. */
function tabbed(...lines: string[]): string {
  return lines.map((line) => `${line.replaceAll("  ", "\t")}\n`).join("");
}

Deno.test("parseAnnotations() reads a label track of Audacity, without its frequency lines", () => {
  const text = tabbed("4.000000  5.000000  cat", "1.5  2.25  dog", "\\  440.0  1200.0");
  const { kind, recordings } = parseAnnotations(text, { file: "tracks/yard.txt" });
  equal(kind, "audacity");
  deepEqual(recordings, new Map([["tracks/yard", [DOG, CAT]]]));
});

Deno.test("parseAnnotations() takes an empty file as a recording without sounds", () => {
  deepEqual(parseAnnotations("\n", { file: "yard.txt" }).recordings, new Map([["yard", []]]));
});

Deno.test("parseAnnotations() reads each selection of Raven once, whatever its views", () => {
  const heading = "Selection  View  Channel  Begin Time (s)  End Time (s)  Begin File  Species";
  const text = tabbed(
    heading,
    "1  Waveform 1  1  1.5  2.25  yard.wav  dog",
    "1  Spectrogram 1  1  1.5  2.25  yard.wav  dog",
    "2  Spectrogram 1  1  4  5  road.wav  cat",
  );
  const { kind, recordings } = parseAnnotations(text);
  equal(kind, "raven");
  deepEqual(recordings, new Map([["yard.wav", [DOG]], ["road.wav", [CAT]]]));
});

Deno.test("parseAnnotations() takes Raven's time in the file where a table spans several", () => {
  const text = tabbed(
    "Begin Time (s)  End Time (s)  Begin Path  File Offset (s)  Annotation",
    "3601.5  3602.25  C:\\rec\\b.wav  1.5  dog",
  );
  deepEqual(parseAnnotations(text).recordings, new Map([["C:\\rec\\b.wav", [DOG]]]));
});

Deno.test("parseAnnotations() names Raven's recording by the table where no column does", () => {
  const text = tabbed("Begin Time (s)  End Time (s)  Annotation", "1.5  2.25  dog");
  const { recordings } = parseAnnotations(text, { file: "yard.Table.1.selections.txt" });
  deepEqual(recordings, new Map([["yard", [DOG]]]));
});

Deno.test("parseAnnotations() reads DCASE's TSV, a recording without sounds among them", () => {
  const rows = ["yard.wav  1.5  2.25  dog", "road.wav  4  5  cat"];
  const expected = new Map([["yard.wav", [DOG]], ["road.wav", [CAT]]]);
  const headed = tabbed("filename  onset  offset  event_label", ...rows, "calm.wav      ");
  const { kind, recordings } = parseAnnotations(headed);
  equal(kind, "dcase");
  deepEqual(recordings, new Map([...expected, ["calm.wav", []]]));
  deepEqual(parseAnnotations(tabbed(...rows)), { kind: "dcase", recordings: expected });
});

Deno.test("parseAnnotations() reads CSV by its heading, with ends or durations", () => {
  const expected = new Map([["a, b.wav", [{ ...DOG, label: 'the "big" dog' }]]]);
  const cells = '"the ""big"" dog",1.5';
  const ends = `label,start,end,file\r\n${cells},2.25,"a, b.wav"\r\n`;
  const durations = `Class;Onset;Duration;Path\n${cells.replace(",", ";")};0.75;"a, b.wav"\n`;
  deepEqual(parseAnnotations(ends), { kind: "csv", recordings: expected });
  deepEqual(parseAnnotations(durations), { kind: "csv", recordings: expected });
});

Deno.test("parseAnnotations() reads Kaleidoscope's offsets as starts, and manual before automatic", () => {
  const text = "INDIR,FOLDER,IN FILE,CHANNEL,OFFSET,DURATION,AUTO ID,MANUAL ID\n" +
    "/rec,night,yard.wav,0,1.5,0.75,wolf,dog\n/rec,night,yard.wav,0,4,1,cat,\n";
  const { kind, recordings } = parseAnnotations(text);
  equal(kind, "kaleidoscope");
  deepEqual(recordings, new Map([["/rec/night/yard.wav", [DOG, CAT]]]));
});

Deno.test("parseAnnotations() reads JSON lines, and what went on only when it was over", () => {
  const rows = [
    { file: "yard.wav", start: 1.5, end: 2, label: "dog", state: "began" },
    { file: "yard.wav", ...DOG, score: 0.9, state: "ended" },
    { filename: "road.wav", onset: 4, duration: 1, event_label: "cat" },
  ];
  const { kind, recordings } = parseAnnotations(rows.map((row) => JSON.stringify(row)).join("\n"));
  equal(kind, "jsonl");
  deepEqual(recordings, new Map([["yard.wav", [DOG]], ["road.wav", [CAT]]]));
});

Deno.test("parseAnnotations() takes the column of labels that it is given", () => {
  const text = "start,end,label,call\n1.5,2.25,animal,dog\n";
  const { recordings } = parseAnnotations(text, { file: "yard.csv", labelColumn: "call" });
  deepEqual(recordings, new Map([["yard", [DOG]]]));
  throws(() => parseAnnotations(text, { labelColumn: "sound" }), {
    name: "DatasetError",
    message: 'Cannot read annotations from "annotations": expected a column "sound", found ' +
      '"start", "end", "label", "call"',
  });
});

Deno.test("parseAnnotations() names the line of a row that is not as it should be", () => {
  const faulty: [row: string, message: RegExp][] = [
    ["5\t4\tcat", /"y.txt", line 2: expected an end after the start, found 5 to 4 s$/],
    ["4\t4\tcat", /line 2: expected an end after the start, found 4 to 4 s$/],
    ["4\t5", /line 2: expected a label, found nothing$/],
    ["4\t5\t ", /line 2: expected a label, found " "$/],
    ["-1\t5\tcat", /line 2: expected a start and an end in seconds, found "-1"$/],
    ["4\tInfinity\tcat", /line 2: expected a start and an end in seconds, found "Infinity"$/],
    ["four\t5\tcat", /line 2: expected a start and an end in seconds, found "four"$/],
  ];
  for (const [row, message] of faulty) {
    const text = `1.5\t2.25\tdog\n${row}\n`;
    throws(() => parseAnnotations(text, { file: "y.txt" }), (error) => {
      return error instanceof DatasetError && message.test(error.message);
    }, row);
  }
});

Deno.test("parseAnnotations() leaves faulty rows out and reports them where asked to", () => {
  const faults: AnnotationFault[] = [];
  const onFault = (fault: AnnotationFault) => faults.push(fault);
  const text = `start,end,label\n5,4,cat\n1.5,2.25,dog\n"7,8\n`;
  const { recordings } = parseAnnotations(text, { file: "yard.csv", onFault });
  deepEqual(recordings, new Map([["yard", [DOG]]]));
  deepEqual(faults.map(({ reason, line }) => [reason, line]), [["reversed", 2], ["row", 4]]);
});

Deno.test("parseAnnotations() counts the lines of quoted cells", () => {
  const text = 'start,end,label\n1.5,2.25,"dog\nbarks"\n5,4,cat\n';
  throws(() => parseAnnotations(text), /line 4: expected an end/);
});

Deno.test("parseAnnotations() says what it reads where a text is none of it", () => {
  for (const text of ["Dear diary,\n", "name,colour\nx,y\n", "[1]\n", "\u0000\u0001", '""\n']) {
    throws(() => parseAnnotations(text, { file: "x" }), {
      name: "DatasetError",
      message: /^Cannot read annotations from "x": expected Audacity labels, a Raven table/,
    });
  }
  throws(() => parseAnnotations('{"start": 1,\n'), /line 1: expected a JSON object, found/);
});
