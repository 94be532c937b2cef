import { deepEqual, equal, match, ok, rejects } from "node:assert/strict";
import { answer, ByteReader } from "../../src/audio/_byte_reader.ts";
import { OggReader } from "../../src/audio/_ogg.ts";
import { decodeAudio, openAudio } from "../../src/audio/mod.ts";
import { AudioFormatError } from "../../src/errors.ts";
import { fixture } from "./fixtures.ts";
import { oggFile } from "./ogg_file.ts";

function packetsOf(file: Uint8Array): Uint8Array[] {
  return answer(
    file,
    (function* () {
      const ogg = new OggReader(new ByteReader(file.length), "OpusHead");
      const packets: Uint8Array[] = [];
      for (;;) {
        const packet = yield* ogg.nextPacket();
        if (packet === undefined) return packets;
        packets.push(packet);
      }
    })(),
  );
}

/** Six frames of 20 ms as one packet, in front of `padding` bytes. */
function joined(packets: Uint8Array[], padding: number): Uint8Array {
  const sizes = packets.slice(0, -1).map((packet) => packet.length - 1);
  ok(sizes.every((size) => size < 252));
  return Uint8Array.of(
    packets[0]![0]! | 3,
    0xc0 | packets.length,
    ...new Array(Math.floor(padding / 254)).fill(255),
    padding % 254,
    ...sizes,
    ...packets.flatMap((packet) => [...packet.subarray(1)]),
    ...new Array(padding).fill(0),
  );
}

Deno.test("decodeAudio() reads Opus packets of 120 ms, larger than the decoder has room for", async () => {
  const file = await fixture("mono.opus");
  const [head, tags, ...packets] = packetsOf(file);
  equal(packets.length, 6);
  equal(new Set(packets.map((packet) => packet[0]! & 0xfc)).size, 1);
  const whole = joined(packets, 7_000);
  const end = 312 + 4_800;
  const { samples, warning } = await decodeAudio(oggFile([[head!], [tags!], [whole]], end));
  equal(warning, undefined);
  const plain = (await decodeAudio(file)).samples;
  deepEqual(samples, plain.subarray(0, samples.length));
  equal(samples.length, 4_800);
});

Deno.test("decodeAudio() lets no trap of the Opus decoder through", async () => {
  // Its packets break the decoder's memory, which once ended the program when it was freed.
  const file = await fixture("hostile/broken_memory.opus");
  try {
    const { samples } = await decodeAudio(file, { file: "broken.opus" });
    ok(samples.every(Number.isFinite));
  } catch (error) {
    ok(error instanceof AudioFormatError, `${error}`);
    match(error.message, /^Cannot decode audio "broken.opus": expected /);
  }
  deepEqual((await decodeAudio(await fixture("mono.opus"))).samples.length, 4_800);
});

Deno.test("decodeAudio() names an Opus packet that breaks the rules", async () => {
  const [head, tags, first] = packetsOf(await fixture("mono.opus"));
  const broken = Uint8Array.of(first![0]! | 3, 0);
  const file = oggFile([[head!], [tags!], [first!, broken]], 1_920);
  const error = await decodeAudio(file).catch((error: unknown) => error);
  match(`${error}`, /^AudioFormatError: .*: expected a sound Opus packet, found packet 1 broken$/);
});

Deno.test("openAudio() gives the sound of an Opus packet before it decodes the next one of the page", async () => {
  const [head, tags, first] = packetsOf(await fixture("mono.opus"));
  const broken = Uint8Array.of(first![0]! | 3, 0);
  const audio = await openAudio(oggFile([[head!], [tags!], [first!, first!, broken]], 2_880));
  let samples = 0;
  const heard = async () => {
    for await (const block of audio.blocks()) samples += block.length;
  };
  await rejects(heard, /packet 2 broken/);
  equal(samples, 2 * 960 - 312);
});
