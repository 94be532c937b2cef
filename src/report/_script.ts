/**
 * What the page does when it is touched: read-outs, cells that list their clips, sorting, players, spectrograms.
 *
 * This is the text of the script, plain JavaScript that browsers run; all content goes in as text, never as markup.
 * It has four parts that know nothing of each other.
 *
 * @module
 */

/** Read-outs: the nearest point of every line, under the pointer or the arrow keys. */
const READINGS = String.raw`
for (const svg of document.querySelectorAll("svg[data-readings]")) {
  const series = JSON.parse(svg.dataset.readings);
  const cursor = svg.querySelector(".cursor");
  const output = svg.parentElement.querySelector(".readout");
  const stops = [...new Set(series.flatMap(({ points }) => points.map(([x]) => x)))].sort((a, b) => a - b);
  const dots = series.map((_, i) => {
    const dot = document.createElementNS(svg.namespaceURI, "circle");
    dot.setAttribute("r", 4.5);
    dot.classList.add("s" + i);
    cursor.append(dot);
    return dot;
  });
  const nearest = (points, x) =>
    points.reduce((a, b) => Math.abs(b[0] - x) < Math.abs(a[0] - x) ? b : a);
  let stop = -1;
  const show = (x) => {
    stop = stops.indexOf(nearest(stops.map((at) => [at]), x)[0]);
    const found = series.map(({ points }) => nearest(points, stops[stop]));
    const first = found.find((point) => point[0] === stops[stop]);
    cursor.removeAttribute("hidden");
    const line = cursor.querySelector("line");
    line.setAttribute("x1", stops[stop]);
    line.setAttribute("x2", stops[stop]);
    output.replaceChildren(first[2] + ": ");
    found.forEach(([px, py, , text], i) => {
      dots[i].setAttribute("cx", px);
      dots[i].setAttribute("cy", py);
      const value = document.createElement("b");
      value.className = "s" + i;
      value.textContent = series[i].name + " " + text;
      output.append(value, " ");
    });
  };
  const hide = () => {
    cursor.setAttribute("hidden", "");
    output.replaceChildren();
    stop = -1;
  };
  svg.addEventListener("pointermove", (event) => {
    const point = new DOMPoint(event.clientX, event.clientY).matrixTransform(svg.getScreenCTM().inverse());
    show(point.x);
  });
  svg.addEventListener("pointerleave", hide);
  svg.addEventListener("blur", hide);
  svg.addEventListener("keydown", (event) => {
    const step = { ArrowRight: 1, ArrowLeft: -1, Home: -stops.length, End: stops.length }[event.key];
    if (step === undefined) return;
    event.preventDefault();
    show(stops[Math.max(0, Math.min(stops.length - 1, stop + step))]);
  });
}
`;

/** A cell of the confusion matrix lists its clips. */
const CELLS = String.raw`
const cellData = document.getElementById("cell-data");
if (cellData) {
  const { labels, counts, clips } = JSON.parse(cellData.textContent);
  const panel = document.getElementById("cell");
  const named = document.getElementById("cell-name");
  const add = (parent, name, text, className) => {
    const element = document.createElement(name);
    if (text !== undefined) element.textContent = text;
    if (className) element.className = className;
    parent.append(element);
    return element;
  };
  const cards = new Map([...document.querySelectorAll(".clip")].map((card, i) => {
    card.id = "clip-" + (i + 1);
    return [card.dataset.file, card.id];
  }));
  const found = (actual, predicted) => clips.filter((clip) => clip[1] === actual && clip[2] === predicted);
  const nameOf = (actual, predicted) =>
    actual === predicted ? labels[actual] + ", found" : labels[actual] + " taken for " + labels[predicted];
  const numbers = (cell) => cell.dataset.cell.split(",").map(Number);
  const list = (actual, predicted) => {
    panel.replaceChildren();
    add(panel, "h3", nameOf(actual, predicted));
    const all = add(panel, "ul", undefined, "found");
    const listed = found(actual, predicted);
    for (const [file, , , confidence] of listed) {
      const row = add(all, "li");
      const link = add(row, cards.has(file) ? "a" : "span", file);
      if (cards.has(file)) link.href = "#" + cards.get(file);
      add(row, "span", confidence === null ? "–" : Math.round(100 * confidence) + " %", "figure");
    }
    const more = counts[actual + "," + predicted] - listed.length;
    if (more > 0) add(all, "li", "and " + more + " more");
    for (const cell of document.querySelectorAll("button[data-cell]")) {
      cell.setAttribute("aria-pressed", String(cell.dataset.cell === actual + "," + predicted));
    }
  };
  const section = document.getElementById("confusion");
  section.addEventListener("click", (event) => {
    const cell = event.target.closest("[data-cell]");
    if (!cell) return;
    list(...numbers(cell));
    panel.scrollIntoView({ block: "nearest" });
  });
  section.addEventListener("pointerover", (event) => {
    if (!named || !(event.target instanceof SVGElement)) return;
    const cell = event.target.closest("[data-cell]");
    if (!cell) return;
    const [actual, predicted] = numbers(cell);
    const row = labels.reduce((sum, _, column) => sum + (counts[actual + "," + column] ?? 0), 0);
    const share = counts[cell.dataset.cell] + " of " + row + " clips";
    named.textContent = nameOf(actual, predicted) + ": " + share;
  });
}
`;

/** A heading sorts its table; numbers start with the largest, names with A. */
const SORTING = String.raw`
for (const table of document.querySelectorAll("table.sortable")) {
  table.tHead.addEventListener("click", (event) => {
    const button = event.target.closest("button[data-sort]");
    if (!button) return;
    const heading = button.parentElement;
    const isText = button.dataset.sort === "text";
    const first = isText ? "ascending" : "descending";
    const second = isText ? "descending" : "ascending";
    const order = heading.getAttribute("aria-sort") === first ? second : first;
    for (const other of table.tHead.rows[0].cells) other.setAttribute("aria-sort", "none");
    heading.setAttribute("aria-sort", order);
    const sign = order === "ascending" ? 1 : -1;
    const key = (row) => row.cells[heading.cellIndex];
    const compare = (a, b) => isText
      ? key(a).textContent.localeCompare(key(b).textContent, undefined, { numeric: true })
      : Number(key(a).dataset.value) - Number(key(b).dataset.value);
    const body = table.tBodies[0];
    body.append(...[...body.rows].sort((a, b) => sign * compare(a, b)));
  });
}
addEventListener("beforeprint", () => {
  for (const details of document.querySelectorAll("details")) details.open = true;
});
`;

/** Players: a button, and the waveform over the spectrogram as the slider. */
const PLAYERS = String.raw`
const SVG = "http://www.w3.org/2000/svg";
const ICONS = { play: "M3 1 15 8 3 15Z", pause: "M3 1H6.5V15H3ZM9.5 1H13V15H9.5Z" };
const make = (name, attributes = {}, namespace) => {
  const element = namespace ? document.createElementNS(namespace, name) : document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  return element;
};
const pictures = new Map();
for (const player of document.querySelectorAll(".player")) {
  const audio = player.querySelector("audio");
  const name = audio.getAttribute("aria-label");
  const button = make("button", { type: "button", class: "play", "aria-label": "Play " + name });
  const icon = make("svg", { viewBox: "0 0 16 16", "aria-hidden": "true" }, SVG);
  const shape = make("path", { d: ICONS.play }, SVG);
  icon.append(shape);
  button.append(icon);
  const track = make("div", { class: "track" });
  const canvas = make("canvas", { role: "img", "aria-label": "Mel spectrogram" });
  const head = make("svg", { class: "head", "aria-hidden": "true" }, SVG);
  const line = make("line", { y1: "0", y2: "100%", x1: "0", x2: "0", visibility: "hidden" }, SVG);
  head.append(line);
  const slider = make("input", { type: "range", min: 0, max: 1000, value: 0, "aria-label": "Position in " + name });
  track.append(player.querySelector(".wave"), canvas, head, slider);
  const stage = make("div", { class: "stage" });
  const names = player.querySelector(".names");
  const side = names ? make("div", { class: "side" }) : button;
  if (names) side.append(names, button);
  stage.append(side, track);
  player.prepend(stage);
  audio.controls = false;
  pictures.set(canvas, audio.src);
  const follow = () => {
    const share = audio.duration ? audio.currentTime / audio.duration : 0;
    slider.value = 1000 * share;
    slider.setAttribute("aria-valuetext", audio.currentTime.toFixed(1) + " seconds");
    line.setAttribute("x1", 100 * share + "%");
    line.setAttribute("x2", 100 * share + "%");
    line.setAttribute("visibility", share > 0 ? "visible" : "hidden");
    if (!audio.paused) requestAnimationFrame(follow);
  };
  const change = () => {
    shape.setAttribute("d", audio.paused ? ICONS.play : ICONS.pause);
    button.setAttribute("aria-label", (audio.paused ? "Play " : "Pause ") + name);
    follow();
  };
  button.addEventListener("click", () => {
    if (!audio.paused) return audio.pause();
    for (const other of document.querySelectorAll("audio")) other.pause();
    audio.play();
  });
  slider.addEventListener("input", () => {
    audio.currentTime = slider.value / 1000 * (audio.duration || 0);
    follow();
  });
  for (const kind of ["play", "pause", "ended", "seeked"]) audio.addEventListener(kind, change);
}
`;

/** Log-mel spectrograms, computed from the embedded sound when a card comes into view. */
const SPECTROGRAMS = String.raw`
const SIZE = 512, BANDS = 64, COLUMNS = 320, MAX_COLUMNS = 1200, COLUMNS_PER_SEC = 32, RANGE_DB = 70, WINDOW_SEC = 0.025;
const samplesOf = (url) => {
  const bytes = Uint8Array.from(atob(url.slice(url.indexOf(",") + 1)), (char) => char.charCodeAt(0));
  const view = new DataView(bytes.buffer);
  const samples = new Float64Array((bytes.length - 44) >> 1);
  for (let i = 0; i < samples.length; i++) samples[i] = view.getInt16(44 + 2 * i, true) / 32768;
  return { samples, rate: view.getUint32(24, true) };
};
const transform = (re, im) => {
  for (let i = 1, j = 0; i < SIZE; i++) {
    let bit = SIZE >> 1;
    for (; j & bit; bit >>= 1) j ^= bit;
    j ^= bit;
    if (i < j) [re[i], re[j]] = [re[j], re[i]];
  }
  for (let span = 2; span <= SIZE; span *= 2) {
    for (let k = 0; k < span / 2; k++) {
      const cos = Math.cos(2 * Math.PI * k / span), sin = -Math.sin(2 * Math.PI * k / span);
      for (let i = k; i < SIZE; i += span) {
        const j = i + span / 2;
        const x = re[j] * cos - im[j] * sin, y = re[j] * sin + im[j] * cos;
        re[j] = re[i] - x;
        im[j] = im[i] - y;
        re[i] += x;
        im[i] += y;
      }
    }
  }
};
const bandEdges = (rate) => {
  const mel = (hz) => 1127 * Math.log(1 + hz / 700);
  const top = mel(rate / 2);
  return Array.from({ length: BANDS + 1 }, (_, i) =>
    700 * (Math.exp(top * i / BANDS / 1127) - 1) / rate * SIZE);
};
const loudness = ({ samples, rate }) => {
  const edges = bandEdges(rate);
  const width = Math.min(SIZE, Math.round(WINDOW_SEC * rate));
  const hann = Float64Array.from({ length: width }, (_, i) => 0.5 - 0.5 * Math.cos(2 * Math.PI * i / width));
  const wanted = Math.round(COLUMNS_PER_SEC * samples.length / rate);
  const columns = Math.min(MAX_COLUMNS, Math.max(COLUMNS, wanted));
  const levels = new Float64Array(columns * BANDS);
  for (let column = 0; column < columns; column++) {
    const start = Math.round(column / columns * samples.length - width / 2);
    const re = new Float64Array(SIZE);
    for (let i = 0; i < width; i++) re[i] = (samples[start + i] || 0) * hann[i];
    const im = new Float64Array(SIZE);
    transform(re, im);
    for (let band = 0; band < BANDS; band++) {
      const first = Math.floor(edges[band]);
      const last = Math.max(first + 1, Math.ceil(edges[band + 1]));
      let power = 0;
      for (let bin = first; bin < last; bin++) power += re[bin] ** 2 + im[bin] ** 2;
      levels[column * BANDS + band] = 10 * Math.log10(power / (last - first) + 1e-10);
    }
  }
  return levels;
};
const colorOf = (name) => {
  const hex = getComputedStyle(document.documentElement).getPropertyValue("--" + name).trim();
  return [1, 3, 5].map((at) => parseInt(hex.slice(at, at + 2), 16));
};
const draw = (canvas, levels) => {
  const stops = [colorOf("surface"), colorOf("blue"), colorOf("ink")];
  const top = levels.reduce((a, b) => Math.max(a, b), -Infinity);
  const columns = levels.length / BANDS;
  canvas.width = columns;
  canvas.height = BANDS;
  const context = canvas.getContext("2d");
  const image = context.createImageData(columns, BANDS);
  levels.forEach((level, i) => {
    const share = 2 * Math.max(0, 1 + (level - top) / RANGE_DB);
    const from = stops[Math.min(1, Math.floor(share))], to = stops[Math.min(2, Math.floor(share) + 1)];
    const at = 4 * ((BANDS - 1 - i % BANDS) * columns + Math.floor(i / BANDS));
    from.forEach((value, channel) => image.data[at + channel] = value + (to[channel] - value) * (share % 1));
    image.data[at + 3] = 255;
  });
  context.putImageData(image, 0, 0);
};
const drawn = new Map();
const picture = (canvas) => {
  if (!drawn.has(canvas)) drawn.set(canvas, loudness(samplesOf(pictures.get(canvas))));
  draw(canvas, drawn.get(canvas));
};
const sight = new IntersectionObserver((entries) => {
  for (const { isIntersecting, target } of entries) {
    if (!isIntersecting) continue;
    sight.unobserve(target);
    picture(target);
  }
}, { rootMargin: "300px" });
for (const canvas of pictures.keys()) sight.observe(canvas);
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => [...drawn.keys()].forEach(picture));
addEventListener("beforeprint", () => [...pictures.keys()].forEach(picture));
`;

/** The whole script, its names kept to itself. */
export const SCRIPT: string =
  `"use strict";{${READINGS}}{${CELLS}}{${SORTING}}{${PLAYERS}${SPECTROGRAMS}}`;
