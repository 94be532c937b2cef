/**
 * Zip archives of compressed files for tests, as archivers write them, and what a test changes.
 *
 * @module
 */
import { crc32, deflateRawSync } from "node:zlib";
import { craftZip, type ZipLies } from "../weights/craft_torch.ts";

const DEFLATED = 8;

/** An archive of files by path; texts are UTF-8. */
export function zipFile(
  files: Readonly<Record<string, string | Uint8Array>>,
  lies: ZipLies = {},
): Uint8Array {
  return craftZip(
    Object.entries(files).map(([name, content]) => {
      const bytes = typeof content === "string" ? new TextEncoder().encode(content) : content;
      const packed = deflateRawSync(bytes);
      const truth = { method: DEFLATED, sizeBytes: bytes.length, storedBytes: packed.length };
      return [name, packed, { ...truth, checksum: crc32(bytes), ...lies }] as const;
    }),
  );
}
