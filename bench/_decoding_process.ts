/**
 * Decodes a file once in a process of its own, and prints the processor time.
 *
 * @module
 */
import process from "node:process";
import { decodeAudio } from "../src/audio/mod.ts";
import { readRequest } from "./_process.ts";
import type { Decoded } from "./decoding.ts";

const { file } = readRequest<{ file: string }>();
const bytes = await Deno.readFile(file);
const before = process.cpuUsage();
await decodeAudio(bytes);
const found: Decoded = { seconds: process.cpuUsage(before).user / 1e6 };
console.log(JSON.stringify(found));
