/**
 * A small model as C, for machines without an operating system.
 *
 * @module
 */
import { UnsupportedOpError } from "../errors.ts";
import { ASTFeatureExtractor, type FeatureExtractor } from "../features/mod.ts";
import { writeDirectoryAtomic, writeFiles } from "../files.ts";
import { type CProgram, cProgram } from "../graphs/mod.ts";
import { openExported, withExportedModel } from "./_exported.ts";

/** Which model, and where to. */
export interface ExportCOptions {
  /** A model directory, or `org/name` on the hub. */
  model: string;
  /** Changes of low rank that the program holds merged, as for `pipeline`. @default none */
  adapter?: string;
  /** The directory to make. */
  output: string;
}

/** What was written. */
export interface ExportCReport {
  /** The files in the directory. */
  files: string[];
  /** Static memory that is written to while it runs, in bytes. */
  memoryBytes: number;
  /** Constants, in bytes. */
  constantBytes: number;
}

const NAME = "earshot_model";

/**
 * Writes a model of spectrograms, such as the preset `wake-word`, as one header and one source of C99, which need
 * `math.h` alone, allocate nothing and take 256 KB of memory at most. Weights are constants of single precision.
 *
 * @throws {CheckpointError} when the model cannot classify, or is an export of 8 bits itself.
 * @throws {UnsupportedOpError} when it is no Audio Spectrogram Transformer, or takes more memory.
 * @throws {FileError} when the output holds files already, or cannot be written.
 *
 * @example
 * ```ts
 * import { exportC, UnsupportedOpError } from "@earshot/earshot";
 * import { rejects } from "node:assert/strict";
 *
 * const output = `${await Deno.makeTempDir()}/c`;
 * // A model of waveforms.
 * await rejects(() => exportC({ model: "models/voice_menu", output }), UnsupportedOpError);
 * ```
 */
export async function exportC(options: ExportCOptions): Promise<ExportCReport> {
  const { model: name, output } = options;
  const { files, extractor } = await openExported(options);
  const { steps, samplingRate } = expectAst(extractor, name);
  return await withExportedModel(files, name, async (model) => {
    return await write(output, await cProgram(model, { steps, samplingRate }));
  });
}

function expectAst(extractor: FeatureExtractor, name: string): ASTFeatureExtractor {
  if (extractor instanceof ASTFeatureExtractor) return extractor;
  throw new UnsupportedOpError(
    `Cannot export "${name}" as C: expected a model with ASTFeatureExtractor, found ${extractor.type}`,
    { hint: 'Train one with the preset "wake-word"' },
  );
}

async function write(output: string, program: CProgram): Promise<ExportCReport> {
  const { header, source, memoryBytes, constantBytes } = program;
  const texts = { [`${NAME}.h`]: header, [`${NAME}.c`]: source };
  await writeDirectoryAtomic(output, (folder) =>
    writeFiles(
      folder,
      Object.entries(texts).map(([name, text]) => ({
        name,
        chunks: () => [new TextEncoder().encode(text)],
      })),
    ));
  return { files: Object.keys(texts), memoryBytes, constantBytes };
}
