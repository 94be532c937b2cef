import { deepEqual, equal, ok } from "node:assert/strict";
import { drawnCuts, eventCuts, freeStretches } from "../../src/data/_cut_plan.ts";
import { Random } from "../../src/random.ts";

const WINDOW = { windowSeconds: 2, durationSeconds: 30 };

function cutsOf(start: number, end: number, seed: number) {
  return eventCuts([{ start, end, label: "dog" }], { ...WINDOW, random: new Random(seed) });
}

Deno.test("eventCuts() has a short event as a whole in its clip, at every place", () => {
  const starts = Array.from({ length: 300 }, (_, seed) => cutsOf(10, 10.5, seed)[0]!.start);
  ok(starts.every((start) => start >= 8.5 && start <= 10));
  ok(Math.min(...starts) < 8.6 && Math.max(...starts) > 9.9);
  equal(cutsOf(10, 10.5, 7)[0]!.start, starts[7]);
});

Deno.test("eventCuts() stays within the recording as far as it can", () => {
  for (let seed = 0; seed < 50; seed++) {
    const [early] = cutsOf(0.1, 0.4, seed);
    ok(early!.start >= 0 && early!.start <= 0.1);
    const [late] = cutsOf(29.9, 30, seed);
    equal(late!.start, 28);
  }
  const short = { windowSeconds: 2, durationSeconds: 1, random: new Random(1) };
  deepEqual(eventCuts([{ start: 0.5, end: 1, label: "dog" }], short).map((cut) => cut.start), [0]);
});

Deno.test("eventCuts() covers a long event with clips within it", () => {
  for (let seed = 0; seed < 50; seed++) {
    const cuts = cutsOf(3, 10, seed);
    equal(cuts.length, 4);
    ok(cuts.every(({ start }) => start >= 3 && start + 2 <= 10 + 1e-9));
    ok(cuts.every(({ start }, i) => i === 0 || start >= cuts[i - 1]!.start));
  }
});

Deno.test("eventCuts() counts the seconds of each label in a clip, the most first", () => {
  const events = [
    { start: 5, end: 5.5, label: "dog" },
    { start: 5.25, end: 9, label: "rain" },
    { start: 20, end: 21, label: "cat" },
  ];
  let mixed = 0;
  for (let seed = 0; seed < 40; seed++) {
    const [first] = eventCuts(events, { ...WINDOW, random: new Random(seed) });
    const { start, labels } = first!;
    const rain = start + 2 - 5.25;
    // Half of a window of what is longer than that.
    deepEqual([...labels.keys()], rain >= 1 ? ["rain", "dog"] : ["dog"]);
    ok(Math.abs(labels.get("dog")! - 0.5) < 1e-9);
    mixed += labels.size - 1;
  }
  ok(mixed > 5 && mixed < 35);
});

Deno.test("eventCuts() cuts longer clips in which every window holds the event", () => {
  const events = [{ start: 10, end: 10.5, label: "dog" }, { start: 20, end: 26, label: "rain" }];
  const options = { ...WINDOW, random: new Random(1), isLonger: true };
  const [dog, ...rain] = eventCuts(events, options);
  deepEqual([dog!.start, dog!.seconds], [8.5, 3.5]);
  ok(rain.every(({ start, seconds }) => start >= 20 && start + seconds <= 26 + 1e-9));
  const [slower] = eventCuts(events, { ...options, speed: 0.2 });
  // Any 1.6 s of it, which are 2 s when they are played slower, have the event in them.
  ok(slower!.start + slower!.seconds - 1.6 <= 10 + 1e-9 && slower!.start + 1.6 >= 10.5 - 1e-9);
  const [first] = eventCuts([{ start: 0.1, end: 0.2, label: "dog" }], options);
  deepEqual([first!.start, Number((first!.start + first!.seconds).toFixed(6))], [0, 2.1]);
});

Deno.test("freeStretches() is where nothing is labelled for as long as a clip", () => {
  const events = [
    { start: 3, end: 8, label: "a" },
    { start: 4, end: 5, label: "b" },
    { start: 9, end: 10, label: "a" },
    { start: 12, end: 29, label: "a" },
  ];
  deepEqual(freeStretches(events, WINDOW), [{ start: 0, end: 3 }, { start: 10, end: 12 }]);
  deepEqual(freeStretches([], WINDOW), [{ start: 0, end: 30 }]);
  deepEqual(freeStretches([], { windowSeconds: 31, durationSeconds: 30 }), []);
});

Deno.test("drawnCuts() draws every place alike, and stays within the stretches", () => {
  const stretches = [{ start: 0, end: 2 }, { start: 10, end: 14 }, { start: 20, end: 30 }];
  const cuts = drawnCuts(stretches, 2_000, { windowSeconds: 2, random: new Random(1) });
  equal(cuts.length, 2_000);
  for (const { stretch, start } of cuts) ok(start >= stretch.start && start + 2 <= stretch.end);
  const last = cuts.filter(({ stretch }) => stretch.start === 20).length;
  ok(last > 1_500 && last < 1_700, `${last} of 2000 in 8 of 10 s`);
  const longer = { windowSeconds: 2, random: new Random(1), isLonger: true };
  for (const { stretch, start, seconds } of drawnCuts(stretches, 200, longer)) {
    ok(start >= stretch.start && start + seconds <= stretch.end && seconds >= 2 && seconds <= 4);
  }
  deepEqual(drawnCuts([], 5, { windowSeconds: 2, random: new Random(1) }), []);
});
