/**
 * Sound that goes on: windows, scores over time, events.
 *
 * @module
 */
export type { DetectedEvent, SoundEvent, WindowScores } from "./sound_event.ts";
