import { deepEqual, equal, match, rejects } from "node:assert/strict";
import { decodeAudio } from "../../src/audio/mod.ts";
import { fixture } from "./fixtures.ts";
import { concat, u16 } from "./wav_file.ts";

type Bytes = Uint8Array;

const UNKNOWN = Uint8Array.of(0x01, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff);

/** An element with its size in two bytes, or with a size that its writer did not know. */
function element(id: number, content: Bytes, size?: Bytes): Bytes {
  const name = id.toString(16).replace(/^(.(..)*)$/, "0$1");
  const idBytes = Uint8Array.from(name.match(/../g)!, (byte) => parseInt(byte, 16));
  const sizeBytes = Uint8Array.of(0x40 | content.length >> 8, content.length & 255);
  return concat(idBytes, size ?? sizeBytes, content);
}

function float32(value: number): Bytes {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setFloat32(0, value);
  return bytes;
}

interface TrackFields {
  codec?: string;
  kind?: number;
  bits?: number;
  more?: Bytes;
}

function track({ codec = "A_PCM/INT/LIT", kind = 2, bits = 16, more }: TrackFields = {}): Bytes {
  return element(
    0xae,
    concat(
      element(0xd7, Uint8Array.of(1)),
      element(0x83, Uint8Array.of(kind)),
      element(0x86, concat(codec)),
      element(
        0xe1,
        concat(
          element(0xb5, float32(8_000)),
          element(0x9f, Uint8Array.of(1)),
          element(0x6264, Uint8Array.of(bits)),
        ),
      ),
      more ?? new Uint8Array(0),
    ),
  );
}

/** A block of track 1 with its flags and what follows them. */
function block(flags: number, ...content: Bytes[]): Bytes {
  return element(0xa3, concat(Uint8Array.of(0x81, 0, 0, flags), ...content));
}

/** A file as a browser records it: no element that groups others knows its size. */
function recorded(tracks: Bytes[], blocks: Bytes[]): Bytes {
  return concat(
    element(0x1a45dfa3, new Uint8Array(3)),
    element(0x18538067, new Uint8Array(0), UNKNOWN),
    element(0xec, new Uint8Array(5)), // a void
    element(0x1654ae6b, concat(...tracks), UNKNOWN),
    ...blocks.flatMap((bytes, i) =>
      i % 2 ? [bytes] : [
        element(0x1f43b675, element(0xe7, Uint8Array.of(i)), UNKNOWN),
        bytes,
      ]
    ),
  );
}

async function valuesOf(file: Bytes): Promise<number[]> {
  return Array.from((await decodeAudio(file)).samples, (sample) => sample * 2 ** 15);
}

Deno.test("decodeAudio() reads Matroska of unknown sizes, cluster after cluster", async () => {
  const blocks = [block(0, u16(1, 2)), block(0, u16(3)), block(0, u16(4))];
  const video = element(
    0xae,
    concat(element(0xd7, Uint8Array.of(2)), element(0x83, Uint8Array.of(1))),
  );
  const picture = element(0xa3, concat(Uint8Array.of(0x82, 0, 0, 0), u16(9, 9)));
  const file = recorded([video, track()], [blocks[0]!, picture, blocks[1]!, blocks[2]!]);
  deepEqual(await valuesOf(file), [1, 2, 3, 4]);
  const { warning, sampleRateHz } = await decodeAudio(file);
  deepEqual([warning, sampleRateHz], [undefined, 8_000]);
});

Deno.test("decodeAudio() reads Opus in WebM whose segment and cluster have no size, as Chrome records it", async () => {
  const whole = await fixture("opus.webm");
  const text = String.fromCharCode(...whole);
  const open = whole.slice();
  for (const name of ["\x18\x53\x80\x67", "\x1f\x43\xb6\x75"]) {
    const at = text.indexOf(name) + 4;
    const width = Math.clz32(open[at]!) - 23;
    open.fill(0xff, at, at + width);
    open[at] = 2 ** (9 - width) - 1;
  }
  deepEqual(await decodeAudio(open), await decodeAudio(whole));
});

Deno.test("decodeAudio() takes the packets of a laced block apart", async () => {
  const [one, two, three] = [u16(1), u16(2, 3), u16(4)];
  const laced = [
    block(0x02, Uint8Array.of(2, 2, 4), one, two, three), // Xiph
    block(0x06, Uint8Array.of(2, 0x82, 0xc1), one, two, three), // EBML: 2, then 2 more
    block(0x04, Uint8Array.of(1), two, two), // all of one size
    block(0x02, Uint8Array.of(2, 200, 4), one), // sizes past the end
    block(0x06, Uint8Array.of(2, 0x82, 0x80), one), // a size below 0
  ];
  const file = recorded([track()], laced);
  deepEqual(await valuesOf(file), [1, 2, 3, 4, 1, 2, 3, 4, 2, 3, 2, 3]);
});

Deno.test("decodeAudio() puts back what Matroska leaves out of every packet", async () => {
  const compression = concat(element(0x4254, Uint8Array.of(3)), element(0x4255, u16(7)));
  const more = element(0x6d80, element(0x6240, element(0x5034, compression)));
  deepEqual(await valuesOf(recorded([track({ more })], [block(0, u16(1))])), [7, 1]);
});

Deno.test("decodeAudio() leaves out the end of a packet that Matroska says is none", async () => {
  const inner = element(0xa1, concat(Uint8Array.of(0x81, 0, 0, 0), u16(1, 2, 3, 4)));
  const discard = element(0x75a2, Uint8Array.of(0x03, 0xd0, 0x90)); // 250 microseconds: 2 frames
  const group = element(0xa0, concat(inner, discard));
  deepEqual(await valuesOf(recorded([track()], [group])), [1, 2]);
});

Deno.test("decodeAudio() reads the other PCM of Matroska", async () => {
  const bytes = recorded([track({ codec: "A_PCM/INT/BIG" })], [block(0, Uint8Array.of(1, 0))]);
  deepEqual(await valuesOf(bytes), [256]);
  const floats = new Uint8Array(Float32Array.of(0.25).buffer);
  const float = recorded([track({ codec: "A_PCM/FLOAT/IEEE", bits: 32 })], [block(0, floats)]);
  deepEqual([...(await decodeAudio(float)).samples], [0.25]);
});

Deno.test("decodeAudio() names what it cannot decode in Matroska", async () => {
  const sound = [block(0, u16(1))];
  const refuses = async (file: Bytes, message: RegExp) =>
    await rejects(decodeAudio(file), { message });
  await refuses(recorded([], sound), /a track of sound, found none$/);
  await refuses(recorded([track({ kind: 1 })], sound), /a track of sound, found none$/);
  await refuses(recorded([track({ codec: "A_AC3" })], sound), /PCM in Matroska, found "A_AC3"$/);
  await refuses(recorded([track({ codec: "__proto__" })], sound), /found "__proto__"$/);
  await refuses(recorded([track({ bits: 12 })], sound), /found 1 channels of 12 bits$/);
  const encrypted = element(0x6d80, element(0x6240, element(0x5035, new Uint8Array(1))));
  await refuses(recorded([track({ more: encrypted })], sound), /plain sound, found it encrypted$/);
  const zipped = element(0x6d80, element(0x6240, element(0x5034, new Uint8Array(0))));
  await refuses(recorded([track({ more: zipped })], sound), /as they are, found compression 0$/);
  await refuses(
    concat(recorded([track()], sound), new Uint8Array(20)),
    /element at byte \d+, found/,
  );
  await refuses(recorded([track({ codec: "A_OPUS" })], sound), /sound Opus packet, found/);
  await refuses(recorded([track()], []), /found an empty clip$/);
  const unknown = concat(recorded([track()], sound), element(0xae, new Uint8Array(0), UNKNOWN));
  await refuses(unknown, /Matroska elements of a known size/);
});

Deno.test("decodeAudio() says where a recording in Matroska was cut", async () => {
  const file = recorded([track()], [block(0, u16(1, 2)), block(0, u16(3, 4))]);
  const { samples, warning } = await decodeAudio(file.subarray(0, file.length - 1));
  equal(samples.length, 2);
  match(warning!, /^Truncated: the last block/);
});
