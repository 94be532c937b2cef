import { deepEqual, equal } from "node:assert/strict";
import { sniff } from "../../src/audio/sniff.ts";
import { concat, u16, u32, wavFile } from "./wav_file.ts";

function bytes(...values: number[]): Uint8Array {
  return Uint8Array.from(values);
}

Deno.test("sniff() names audio formats", () => {
  const cases: [Uint8Array, string][] = [
    [wavFile({}, u16(1)), "WAV"],
    [concat("RIFX", u32(0), "WAVE"), "WAV"],
    [concat("RIFF"), "WAV"],
    [concat("RF64", u32(0xffffffff), "WAVE"), "WAV"],
    [concat("fLaC"), "FLAC"],
    [concat("OggS", new Uint8Array(24), "OpusHead"), "Ogg Opus"],
    [concat("OggS", new Uint8Array(24), "\x01vorbis"), "Ogg Vorbis"],
    [concat("OggS", new Uint8Array(24), "\x7fFLAC"), "Ogg FLAC"],
    [concat("OggS", new Uint8Array(24), "Speex   "), "Ogg Speex"],
    [concat("OggS"), "Ogg"],
    [concat(u32(0), "ftypM4A "), "M4A or MP4"],
    [concat(u32(0), "moov"), "M4A or MP4"],
    [concat("riff", bytes(0x2e, 0x91, 0xcf, 0x11)), "W64"],
    [concat("ID3\x04\0\0\0\0\0\x01", bytes(0, 0xff, 0xf1, 0x50, 0x80)), "AAC"],
    [concat("ADIF"), "AAC in an ADIF file"],
    [bytes(0x1a, 0x45, 0xdf, 0xa3), "WebM or Matroska"],
    [concat("FORM", u32(9), "AIFF"), "AIFF"],
    [concat("FORM", u32(9), "AIFC"), "AIFF"],
    [concat(".snd"), "AU"],
    [concat("caff"), "CAF"],
    [concat("#!AMR\n"), "AMR"],
    [concat("NIST_1A"), "NIST SPHERE"],
    [concat("wvpk"), "WavPack"],
    [concat("MAC "), "Monkey's Audio"],
    [bytes(0x30, 0x26, 0xb2, 0x75, 0x8e, 0x66, 0xcf, 0x11), "Windows Media Audio"],
    [concat("ID3\x04"), "MP3"],
    [bytes(0xff, 0xfb, 0x90, 0x64), "MP3"],
    [bytes(0xff, 0xf1, 0x50, 0x80), "AAC"],
  ];
  for (const [head, name] of cases) deepEqual(sniff(head), { name, isAudio: true });
});

Deno.test("sniff() names what is often mistaken for audio", () => {
  const cases: [Uint8Array, string][] = [
    [concat("RIFF", u32(0), "AVI "), "an AVI video"],
    [concat("RIFF", u32(0), "WEBP"), "a WebP image"],
    [concat(bytes(0x89), "PNG"), "a PNG image"],
    [bytes(0xff, 0xd8, 0xff, 0xe0), "a JPEG image"],
    [concat("GIF89a"), "a GIF image"],
    [concat("%PDF-1.7"), "a PDF document"],
    [concat("PK\x03\x04"), "a ZIP archive"],
    [bytes(0x1f, 0x8b, 8), "a gzip archive"],
    [concat("PAR1"), "a Parquet table"],
    [concat("version https://git-lfs.github.com/spec/v1"), "a Git LFS pointer"],
    [concat("\ufeff\n <!DOCTYPE HTML>"), "an HTML page"],
    [concat("<html>"), "an HTML page"],
    [concat("<?xml version='1.0'?>"), "an XML document"],
    [concat(`{"error":"not found"}`), "JSON"],
    [concat("file_name,label\n"), "plain text"],
    [new Uint8Array(16), "zero bytes only"],
  ];
  for (const [head, name] of cases) deepEqual(sniff(head), { name, isAudio: false });
});

Deno.test("sniff() knows nothing of other bytes", () => {
  equal(sniff(new Uint8Array()), undefined);
  equal(sniff(bytes(0xff, 0xfe, 0x41, 0x00)), undefined); // UTF-16 text, close to an MPEG sync
  equal(sniff(bytes(0xff, 0xfb, 0xf0, 0x64)), undefined); // a bit rate that does not exist
  equal(sniff(bytes(3, 1, 4, 1, 5)), undefined);
});
