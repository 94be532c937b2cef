/**
 * The page: a file or a microphone in, classes and events out.
 *
 * @module
 */
import { type Engine, EngineError } from "./engine.ts";
import { Microphone } from "./microphone.ts";
import { clock, element, made, showError, showStatus } from "./page.ts";
import { drawSound } from "./picture.ts";
import { showBest, Timeline } from "./results.ts";
import { showTeaching } from "./teach.ts";

/** Longer recordings have their events looked for, too. */
const LONG_SECONDS = 8;
/** Larger files are not drawn: a browser unpacks them whole. */
const MAX_DRAWN_BYTES = 48 * 2 ** 20;
/** Hertz of what is drawn. */
const DRAWN_RATE = 16_000;
/** Seconds of live sound in the picture. */
const LIVE_SECONDS = 5;

const speak = element<HTMLButtonElement>("speak");
const choose = element<HTMLButtonElement>("choose");
const file = element<HTMLInputElement>("file");
const player = element<HTMLAudioElement>("player");
const canvas = element<HTMLCanvasElement>("picture");

let engine: Engine;
/** What is drawn, to be drawn again where the page changes. */
let drawn: { samples: Float32Array; samplingRate: number } | undefined;
let microphone: Microphone | undefined;
/** Ends what goes on: a stream, a detection. */
let ending = new AbortController();

/** Sets the page up for a model. */
export function showEngine(ready: Engine): void {
  engine = ready;
  element("about").textContent = engine.about;
  element("privacy").textContent = engine.privacy;
  speak.disabled = choose.disabled = false;
  showHeads();
  if (engine.teaching) {
    showTeaching(engine.teaching, (head) => {
      showError();
      showHeads(head);
    });
  }
}

function showHeads(chosen?: string): void {
  const select = element<HTMLSelectElement>("head");
  const own = engine.labels.length > 0 ? [made("option", { value: "" }, "the model's own")] : [];
  const options = engine.heads().map((name) => made("option", { value: name }, name));
  select.replaceChildren(...own, ...options);
  if (chosen !== undefined) select.value = chosen;
  element("head-choice").hidden = select.options.length < 2;
}

function head(): string | undefined {
  const { value } = element<HTMLSelectElement>("head");
  return value === "" ? undefined : value;
}

/** Runs what was asked for; what it replaces is ended first. */
async function run(work: (signal: AbortSignal) => Promise<void>): Promise<void> {
  ending.abort();
  const { signal } = ending = new AbortController();
  showError();
  try {
    await work(signal);
  } catch (error) {
    if (signal.aborted) return;
    showStatus("");
    showError(error);
    element("sound").hidden = true;
    if (error instanceof EngineError && error.wantsKey) element("secrets").hidden = false;
  }
}

speak.onclick = () => microphone ? stop() : void run(live);

async function live(signal: AbortSignal): Promise<void> {
  const opened = microphone = await Microphone.open();
  speak.textContent = "Stop";
  speak.classList.add("recording");
  element("events").hidden = true;
  player.hidden = true;
  showSound();
  showStatus("Listening …");
  const picture = setInterval(() => {
    if (!opened.takeNews()) return;
    draw(opened.last(LIVE_SECONDS), opened.samplingRate);
    element("length").textContent = clock(opened.seconds);
  }, 60);
  let last: string | undefined;
  try {
    await engine.listen(opened.sound(), {
      head: head(),
      signal,
      window: ({ best }) => showBest(best, { isLive: true }),
      event: ({ label }) => last = label,
    });
  } finally {
    clearInterval(picture);
    opened.close();
    microphone = undefined;
    speak.textContent = "Speak";
    speak.classList.remove("recording");
  }
  if (signal.aborted) return;
  if (opened.seconds === 0) throw new EngineError("Nothing was heard");
  const { clip, samples } = opened.recording();
  showStatus(last === undefined ? "" : `Heard last: ${last}.`);
  await answer(clip, { samples, samplingRate: opened.samplingRate }, signal);
}

/** What was said goes on as a recording. */
function stop(): void {
  microphone?.close();
}

choose.onclick = () => file.click();
file.onchange = () => {
  const [chosen] = file.files ?? [];
  file.value = "";
  if (chosen) void run((signal) => open(chosen, signal));
};

async function open(recording: File, signal: AbortSignal): Promise<void> {
  element("events").hidden = element("result").hidden = true;
  showStatus(`Reading ${recording.name} …`);
  const sound = await decoded(recording);
  await answer(recording, sound, signal);
}

/** The classes of a recording, and the events of a long one. */
async function answer(
  clip: Blob,
  sound: typeof drawn,
  signal: AbortSignal,
): Promise<void> {
  showSound(clip, sound);
  const said = element("status").textContent;
  const seconds = sound && sound.samples.length / sound.samplingRate;
  showStatus(`${said?.startsWith("Heard") ? said : ""} Classifying …`);
  const best = await engine.classify(clip, head());
  if (signal.aborted) return;
  showStatus(said?.startsWith("Heard") ? said : "");
  showBest(best);
  if (seconds !== undefined && seconds < LONG_SECONDS) return;
  await findEvents(clip, seconds ?? 0, signal);
}

async function findEvents(clip: Blob, seconds: number, signal: AbortSignal): Promise<void> {
  const status = element("events-status");
  const seek = player.hidden ? undefined : (start: number) => {
    player.currentTime = start;
    void player.play();
  };
  const timeline = new Timeline(seconds, seek);
  const stopButton = element<HTMLButtonElement>("stop-events");
  const stopping = new AbortController();
  stopButton.hidden = false;
  stopButton.onclick = () => stopping.abort();
  status.textContent = "Looking for events …";
  let lastSecond = 0;
  try {
    await engine.detect(clip, {
      head: head(),
      signal: AbortSignal.any([signal, stopping.signal]),
      window: ({ end }) => {
        timeline.reached(end);
        if (end - lastSecond < 10) return;
        lastSecond = end;
        status.textContent = `Heard ${clock(end, 0)}${seconds ? ` of ${clock(seconds, 0)}` : ""} …`;
      },
      event: (event) => timeline.add(event),
    });
    const count = timeline.count === 1 ? "1 event" : `${timeline.count || "No"} events`;
    status.textContent = timeline.count ? `${count}.` : "No events: nothing reached its threshold.";
  } catch (error) {
    if (!stopping.signal.aborted) throw error;
    status.textContent = `Stopped: ${timeline.count} events so far.`;
  } finally {
    stopButton.hidden = true;
    timeline.draw();
  }
}

/** The samples of a file, where the browser can read it and it is not too long for that. */
async function decoded(recording: Blob): Promise<typeof drawn> {
  if (recording.size > MAX_DRAWN_BYTES) return undefined;
  try {
    const context = new OfflineAudioContext(1, 1, DRAWN_RATE);
    const buffer = await context.decodeAudioData(await recording.arrayBuffer());
    return { samples: buffer.getChannelData(0), samplingRate: DRAWN_RATE };
  } catch {
    return undefined;
  }
}

function showSound(clip?: Blob, sound?: typeof drawn): void {
  element("sound").hidden = false;
  URL.revokeObjectURL(player.src);
  player.hidden = !clip || !sound;
  if (clip && sound) player.src = URL.createObjectURL(clip);
  canvas.hidden = clip !== undefined && !sound;
  if (clip) element("length").textContent = sound ? lengthOf(sound) : "This is not drawn.";
  if (sound) draw(sound.samples, sound.samplingRate);
}

function lengthOf({ samples, samplingRate }: NonNullable<typeof drawn>): string {
  return `Waveform, and frequencies up to 8 kHz, of ${clock(samples.length / samplingRate)}`;
}

function draw(samples: Float32Array, samplingRate: number): void {
  drawn = { samples, samplingRate };
  drawSound(canvas, samples, samplingRate);
}

function redraw(): void {
  if (drawn && canvas.clientWidth > 0) drawSound(canvas, drawn.samples, drawn.samplingRate);
}

matchMedia("(prefers-color-scheme: dark)").addEventListener("change", redraw);
new ResizeObserver(redraw).observe(canvas);

document.addEventListener("dragover", (event) => {
  event.preventDefault();
  document.body.classList.add("dropping");
});
document.addEventListener("dragleave", (event) => {
  if (!event.relatedTarget) document.body.classList.remove("dropping");
});
document.addEventListener("drop", (event) => {
  event.preventDefault();
  document.body.classList.remove("dropping");
  const [dropped] = event.dataTransfer?.files ?? [];
  if (dropped && engine) void run((signal) => open(dropped, signal));
});
addEventListener("pagehide", () => microphone?.close());
