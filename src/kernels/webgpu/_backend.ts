/**
 * The stock WebGPU backend with a recorder for our own programs, made to fail clearly and to count what it does.
 *
 * The stock recorder knows one result, one type and no bindings that a program leaves unread, and writes a uniform
 * buffer per program. Ours takes what a {@linkcode Recording} says, and all uniforms of a submission go up at once.
 *
 * WebGPU tells of lost devices, exhausted memory and refused programs through events, long after the
 * call that caused them. The first such event is kept here and thrown by the next program or read, so that a
 * training step ends instead of running on with zeros. Nothing here knows a kernel.
 *
 * @module
 */
import { WebGPUBackend } from "@tensorflow/tfjs-backend-webgpu";
import { type BackendValues, type DataId, env, type TensorInfo, util } from "@tensorflow/tfjs-core";
import { DeviceError } from "../../errors.ts";
import { type PendingCommands, pendingCommands } from "./_pending_commands.ts";

type RunArguments = Parameters<WebGPUBackend["runWebGPUProgram"]>;

const BYTES_PER_ELEMENT = 4;
/** All uniforms of one submission; a program takes some hundred bytes. */
const UNIFORM_BYTES = 65_536;
const SMALLER_HINT = 'Use a smaller batch or shorter clips, or `backend: "wasm"`';
const REFUSED_HINT = `${SMALLER_HINT}; with those in order, report it as a fault`;

/** One dispatch of one of our programs. */
export interface Recording {
  /** Two programs with the same key are the same. */
  key: string;
  /** The first part of the key, for people. */
  name: string;
  /** The whole WGSL text, asked for once; its entry is `start`. Bindings are the tensors in order, then the uniforms. */
  source: () => string;
  /** Tensors that the program only reads. */
  inputs: TensorInfo[];
  /** Tensors that it writes. */
  outputs: TensorInfo[];
  /** The bytes of the struct of scalars. */
  uniforms: ArrayBuffer;
  workgroups: [number, number, number];
}

/** What a device has done since it was started. */
export interface DeviceCounts {
  /** Programs run, ours and stock ones. */
  dispatches: number;
  /** Batches of programs that were handed over. */
  submissions: number;
  /** Tensors read back. */
  reads: number;
  /** By the name of our program, or the first part of the key of a stock one. */
  byProgram: Map<string, ProgramCounts>;
}

/** What one program has done. */
export interface ProgramCounts {
  dispatches: number;
  /** Bytes of all tensors that were bound, a number counted as four: what memory has to move at least. */
  bytes: number;
}

/** The backend that {@linkcode startWebgpu} registers. */
export class DeviceBackend extends WebGPUBackend {
  /** What it has done so far. */
  readonly counts: DeviceCounts = {
    dispatches: 0,
    submissions: 0,
    reads: 0,
    byProgram: new Map(),
  };
  /** Whether products round their factors to f16, and weights are packed in it; needs `shader-f16`. */
  f16 = false;
  readonly #name: string;
  readonly #pipelines = new Map<string, GPUComputePipeline>();
  readonly #uniforms = new Uint8Array(UNIFORM_BYTES);
  readonly #uniformBuffer: GPUBuffer;
  readonly #commands: PendingCommands;
  #uniformBytes = 0;
  #failure?: DeviceError;

  /** @param name what errors call the adapter. */
  constructor(device: GPUDevice, info: GPUAdapterInfo, name: string) {
    super(device, info);
    this.#name = name;
    this.#commands = pendingCommands(this);
    device.addEventListener("uncapturederror", (event) => {
      this.#noteError(event as GPUUncapturedErrorEvent);
    });
    device.lost.then((loss) => this.#noteLoss(loss));
    this.#uniformBuffer = device.createBuffer({
      size: UNIFORM_BYTES,
      usage: GPUBufferUsage.UNIFORM | GPUBufferUsage.COPY_DST,
    });
  }

  /** Whether it can no longer compute. */
  get hasFailed(): boolean {
    return this.#failure !== undefined;
  }

  /**
   * Records one of our programs, after a look at the device and the sizes.
   *
   * @throws {DeviceError} when the device has failed, refuses the program, or takes no binding as large as a tensor.
   */
  record(recording: Recording): void {
    if (this.#failure) throw this.#failure;
    const tensors = [...recording.outputs, ...recording.inputs];
    for (const { shape } of tensors) this.#assertBindable(shape);
    try {
      this.#encode(recording, tensors);
    } catch (cause) {
      throw this.#failure ?? this.#refused(cause);
    }
    this.#count(recording.name, tensors.map(({ shape }) => shape));
  }

  /** Records one stock program, after a look at the device and the sizes. */
  override runWebGPUProgram(...[program, inputs, ...rest]: RunArguments): TensorInfo {
    if (this.#failure) throw this.#failure;
    for (const { shape } of inputs) this.#assertBindable(shape);
    this.#assertBindable(program.outputShape);
    const shapes = [program.outputShape, ...inputs.map(({ shape }) => shape)];
    this.#count(program.shaderKey.split("_", 1)[0]!, shapes);
    try {
      return super.runWebGPUProgram(program, inputs, ...rest);
    } catch (cause) {
      throw this.#failure ?? this.#refused(cause);
    }
  }

  /** Hands over what was recorded, with its uniforms. */
  override submitQueue(): void {
    if (this.#uniformBytes > 0) {
      this.queue.writeBuffer(this.#uniformBuffer, 0, this.#uniforms, 0, this.#uniformBytes);
    }
    this.#uniformBytes = 0;
    this.counts.submissions++;
    super.submitQueue();
  }

  /**
   * Reads a tensor back, keeping no copy: a kernel may write over its numbers later.
   *
   * Numbers of a device that has failed are never returned.
   */
  override async read(dataId: DataId): Promise<BackendValues> {
    this.counts.reads++;
    try {
      const values = await super.read(dataId);
      const data = this.tensorMap.get(dataId);
      if (data?.resource) Object.assign(data, { values: null });
      if (this.#failure) throw this.#failure;
      return values;
    } catch (cause) {
      // The reason of a failed read arrives just after it.
      await new Promise((resolve) => setTimeout(resolve));
      throw this.#failure ?? cause;
    }
  }

  #encode(recording: Recording, tensors: TensorInfo[]): void {
    const commands = this.#commands;
    const buffers = tensors.map(({ dataId }) => this.#bufferOf(dataId));
    const pipeline = this.#pipelineOf(recording);
    const uniforms = this.#keepUniforms(recording.uniforms);
    for (const { dataId } of tensors) commands.commandQueueOwnedIds.add(dataId);
    const bindings = [...buffers.map((buffer) => ({ buffer })), uniforms];
    const bindGroup = this.device.createBindGroup({
      layout: pipeline.getBindGroupLayout(0),
      entries: bindings.map((resource, binding) => ({ binding, resource })),
    });
    this.ensureCommandEncoderReady();
    commands.computePassEncoder ??= commands.commandEncoder!.beginComputePass();
    commands.computePassEncoder.setPipeline(pipeline);
    commands.computePassEncoder.setBindGroup(0, bindGroup);
    commands.computePassEncoder.dispatchWorkgroups(...recording.workgroups);
    if (++commands.dispatchCountInPass < env().getNumber("WEBGPU_DEFERRED_SUBMIT_BATCH_SIZE")) {
      return;
    }
    this.endComputePassEncoder();
    this.submitQueue();
  }

  #bufferOf(dataId: DataId): GPUBuffer {
    this.uploadToGPU(dataId);
    const { resource } = this.tensorMap.get(dataId);
    if (resource instanceof GPUBuffer) return resource;
    throw new TypeError("Cannot bind a tensor: expected a buffer, found a texture");
  }

  /** A place for the scalars of one program, which go up with those of the others. */
  #keepUniforms(scalars: ArrayBuffer): GPUBufferBinding {
    const step = this.device.limits.minUniformBufferOffsetAlignment;
    const offset = Math.ceil(this.#uniformBytes / step) * step;
    if (offset + scalars.byteLength > UNIFORM_BYTES) {
      this.endComputePassEncoder();
      this.submitQueue();
      return this.#keepUniforms(scalars);
    }
    this.#uniforms.set(new Uint8Array(scalars), offset);
    this.#uniformBytes = offset + scalars.byteLength;
    return { buffer: this.#uniformBuffer, offset, size: scalars.byteLength };
  }

  #pipelineOf({ key, name, source, inputs, outputs }: Recording): GPUComputePipeline {
    const known = this.#pipelines.get(key);
    if (known) return known;
    const types: GPUBufferBindingType[] = [
      ...outputs.map(() => "storage" as const),
      ...inputs.map(() => "read-only-storage" as const),
      "uniform",
    ];
    const entries = types.map((type, binding) => ({
      binding,
      visibility: GPUShaderStage.COMPUTE,
      buffer: { type },
    }));
    const bindGroupLayouts = [this.device.createBindGroupLayout({ entries })];
    const pipeline = this.device.createComputePipeline({
      label: name,
      layout: this.device.createPipelineLayout({ bindGroupLayouts }),
      compute: {
        module: this.device.createShaderModule({ label: name, code: source() }),
        entryPoint: "start",
      },
    });
    this.#pipelines.set(key, pipeline);
    return pipeline;
  }

  #count(program: string, shapes: readonly (readonly number[])[]): void {
    this.counts.dispatches++;
    const { byProgram } = this.counts;
    const { dispatches, bytes } = byProgram.get(program) ?? { dispatches: 0, bytes: 0 };
    const bound = shapes.reduce((sum, shape) => sum + bytesOf(shape), 0);
    byProgram.set(program, { dispatches: dispatches + 1, bytes: bytes + bound });
  }

  #refused(cause: unknown): DeviceError {
    return new DeviceError(
      `Cannot use WebGPU device "${this.#name}": a command was refused (${cause})`,
      { reason: "refused", hint: REFUSED_HINT, cause },
    );
  }

  #noteLoss({ reason, message }: GPUDeviceLostInfo): void {
    this.#failure ??= new DeviceError(
      `Cannot use WebGPU device "${this.#name}": the device was lost (${reason}: ${message})`,
      { reason: "lost", hint: 'Start again, with `backend: "wasm"` if it is lost again' },
    );
  }

  #noteError(event: GPUUncapturedErrorEvent): void {
    event.preventDefault();
    if (!(event.error instanceof GPUOutOfMemoryError)) {
      this.#failure ??= this.#refused(event.error.message);
      return;
    }
    this.#failure ??= new DeviceError(
      `Cannot use WebGPU device "${this.#name}": out of memory (${event.error.message})`,
      { reason: "memory", hint: SMALLER_HINT },
    );
  }

  #assertBindable(shape: readonly number[]): void {
    const limitBytes = this.device.limits.maxStorageBufferBindingSize;
    const sizeBytes = bytesOf(shape);
    if (sizeBytes <= limitBytes) return;
    throw new DeviceError(
      `Cannot use a tensor of shape [${shape}] on WebGPU device "${this.#name}": expected at most ` +
        `${limitBytes} bytes (maxStorageBufferBindingSize), found ${sizeBytes}`,
      { reason: "memory", hint: fittingHint(shape, limitBytes / sizeBytes) },
    );
  }
}

function bytesOf(shape: readonly number[]): number {
  return util.sizeFromShape([...shape]) * BYTES_PER_ELEMENT;
}

/** What to do where a tensor is too large: of activations, whose first axis is the clips, how many would fit. */
function fittingHint(shape: readonly number[], share: number): string {
  const clips = Math.floor(shape[0]! * share);
  if (shape.length < 3 || clips < 1) return SMALLER_HINT;
  return `At most ${clips} clips of this length fit at a time: use such a batch, or \`backend: "wasm"\``;
}
