/**
 * The losses of a run between its log lines, kept on the device and read when a line is due.
 *
 * @module
 */
import { scalar, type Tensor, zeros } from "@tensorflow/tfjs-core";
import type { ResumeState } from "../checkpoints/state.ts";
import { addDisposing } from "../step/step.ts";

/** What of it goes into a checkpoint. */
export type SavedLosses = Pick<ResumeState, "lossSum" | "lossSteps" | "totalLoss" | "gradNorm">;

/** Sums losses; {@linkcode LossLog.dispose} frees what is on the device. */
export class LossLog {
  /** Sum of the losses since the last log line, on the device. */
  #sum: Tensor | undefined;
  #steps: number;
  /** Sum of the losses before the last log line. */
  #total: number;
  /** Norm of the last step's gradients: on the device, or that of a checkpoint. */
  #norm: Tensor | undefined;
  #savedNorm: number;

  /** @param saved where an earlier run stopped. */
  constructor(saved: SavedLosses = { lossSum: 0, lossSteps: 0, totalLoss: 0, gradNorm: 0 }) {
    this.#sum = saved.lossSteps > 0 ? scalar(saved.lossSum) : undefined;
    this.#steps = saved.lossSteps;
    this.#total = saved.totalLoss;
    this.#savedNorm = saved.gradNorm;
  }

  /** Steps since the last log line. */
  get steps(): number {
    return this.#steps;
  }

  /** Adds a step: its loss, which stays the caller's, and its gradient norm, which does not. */
  add(loss: Tensor, norm: Tensor): void {
    this.#norm?.dispose();
    this.#norm = norm;
    this.#sum = addDisposing(this.#sum ?? zeros([]), loss.clone());
    this.#steps++;
  }

  /**
   * Mean loss since the last call.
   *
   * @throws {RangeError} where it is not a number any more.
   */
  async takeMean(step: number): Promise<number> {
    const sum = await this.#pending(step);
    const mean = sum / this.#steps;
    this.#total += sum;
    this.#steps = 0;
    this.#sum?.dispose();
    this.#sum = undefined;
    return mean;
  }

  /** Sum of all losses. */
  async total(step: number): Promise<number> {
    return this.#total + await this.#pending(step);
  }

  /**
   * Norm of the last step's gradients.
   *
   * @throws {RangeError} where it is not a number any more.
   */
  async gradNorm(step: number): Promise<number> {
    const [norm] = await this.#norm?.data() ?? [this.#savedNorm];
    return expectFinite("gradient norm", norm!, step);
  }

  /** What a checkpoint keeps. */
  async saved(step: number): Promise<SavedLosses> {
    return {
      lossSum: await this.#pending(step),
      lossSteps: this.#steps,
      totalLoss: this.#total,
      gradNorm: await this.gradNorm(step),
    };
  }

  /** Waits until the device has done all steps. */
  async settled(): Promise<void> {
    await this.#sum?.data();
  }

  async #pending(step: number): Promise<number> {
    if (!this.#sum) return 0;
    const [sum] = await this.#sum.data();
    return expectFinite("loss", sum!, step);
  }

  /** Frees what is on the device. */
  dispose(): void {
    this.#sum?.dispose();
    this.#sum = undefined;
    this.#norm?.dispose();
    this.#norm = undefined;
  }
}

function expectFinite(what: string, value: number, step: number): number {
  if (Number.isFinite(value)) return value;
  throw new RangeError(
    `Cannot go on training at step ${step}: expected a finite ${what}, found ${value}`,
  );
}
