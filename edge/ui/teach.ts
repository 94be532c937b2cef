/**
 * Examples of two classes or more, and the head that is trained of them.
 *
 * @module
 */
import { EngineError, type EngineTeaching } from "./engine.ts";
import { recordFor } from "./microphone.ts";
import { element, made } from "./page.ts";
import { zip } from "./zip.ts";

/** Seconds of an example that is recorded here. */
const EXAMPLE_SECONDS = 2;

/** Shows the form; `onTrained` gets the name of each head that was trained. */
export function showTeaching(
  teaching: EngineTeaching,
  onTrained: (head: string) => void,
): void {
  element("teach").hidden = false;
  element("token-form").hidden = !teaching.needsToken;
  element<HTMLFormElement>("token-form").onsubmit = (event) => event.preventDefault();
  const form = new Lesson(teaching, onTrained);
  element("add-class").onclick = () => form.addClass().focus();
  element("train").onclick = () => form.train();
  form.addClass();
  form.addClass();
}

/** The head's name, its classes and their examples. */
class Lesson {
  readonly #teaching: EngineTeaching;
  readonly #onTrained: (head: string) => void;
  /** Examples by class; a name may change until the first. */
  readonly #counts = new Map<HTMLInputElement, number>();
  #isBusy = false;

  constructor(teaching: EngineTeaching, onTrained: (head: string) => void) {
    this.#teaching = teaching;
    this.#onTrained = onTrained;
  }

  get #head(): string {
    return element<HTMLInputElement>("head-name").value.trim();
  }

  get #token(): string {
    return element<HTMLInputElement>("token").value.trim();
  }

  /** Adds the fields of a class, and gives the one of its name. */
  addClass(): HTMLInputElement {
    const number = this.#counts.size + 1;
    const name = made("input", { type: "text", maxLength: 100 });
    const count = made("span", { className: "hint" }, "no examples yet");
    const ofClass = () => made("span", { className: "unseen" }, ` of class ${number}`);
    const record = made("button", { type: "button" }, `Record ${EXAMPLE_SECONDS} s`, ofClass());
    const files = made("input", { type: "file", accept: "audio/*", multiple: true, hidden: true });
    const choose = made(
      "button",
      { type: "button", onclick: () => files.click() },
      "Add files",
      ofClass(),
    );
    record.onclick = () => this.#example(name, count, () => recorded(record));
    files.onchange = async () => {
      for (const file of files.files ?? []) {
        await this.#example(name, count, () => Promise.resolve(file));
      }
      files.value = "";
    };
    this.#counts.set(name, 0);
    element("classes").append(
      made(
        "li",
        {},
        made("label", {}, `Class ${number} `, name),
        made("div", { className: "actions" }, record, choose, files, count),
      ),
    );
    return name;
  }

  async #example(
    name: HTMLInputElement,
    count: HTMLElement,
    clip: () => Promise<Blob>,
  ): Promise<void> {
    const label = name.value.trim();
    await this.#work(async () => {
      expectNamed(label, name, "Give the class a name first");
      expectNamed(this.#head, element<HTMLInputElement>("head-name"), "Give the head a name first");
      if (this.#teaching.needsToken) {
        expectNamed(this.#token, element<HTMLInputElement>("token"), "Teaching needs the token");
      }
      showTeachStatus(`Listening for “${label}” …`);
      const example = { label, clip: await clip(), token: this.#token };
      await this.#teaching.add(this.#head, example);
      const now = this.#counts.get(name)! + 1;
      this.#counts.set(name, now);
      name.readOnly = element<HTMLInputElement>("head-name").readOnly = true;
      count.textContent = now === 1 ? "1 example" : `${now} examples`;
      showTeachStatus(`“${label}” has ${count.textContent}.`);
    });
  }

  /** Trains the head, and offers its files. */
  async train(): Promise<void> {
    await this.#work(async () => {
      showTeachStatus("Training …");
      const files = await this.#teaching.train(this.#head, this.#token);
      const link = element<HTMLAnchorElement>("download");
      URL.revokeObjectURL(link.href);
      const inFolder = files.map(({ name, bytes }) => ({ name: `${this.#head}/${name}`, bytes }));
      link.href = URL.createObjectURL(new Blob([zip(inFolder)], { type: "application/zip" }));
      link.download = `${this.#head}.zip`;
      link.hidden = false;
      showTeachStatus(
        `“${this.#head}” is trained and answers now. Speak to try it, or download it for later.`,
      );
      this.#onTrained(this.#head);
    });
  }

  /** One thing at a time. */
  async #work(work: () => Promise<void>): Promise<void> {
    if (this.#isBusy) return;
    this.#isBusy = true;
    try {
      await work();
    } catch (error) {
      showTeachStatus((error as Error).message, "bad");
    } finally {
      this.#isBusy = false;
      const ready = [...this.#counts.values()].filter((count) => count > 0).length;
      element<HTMLButtonElement>("train").disabled = ready < 2;
    }
  }
}

function expectNamed(text: string, field: HTMLInputElement, message: string): void {
  if (text !== "" && field.validity.valid) return;
  field.focus();
  throw new EngineError(text === "" ? message : "A head's name has letters, digits, -, _ and .");
}

async function recorded(button: HTMLButtonElement): Promise<Blob> {
  const words = button.firstChild!;
  const text = words.textContent;
  button.classList.add("recording");
  try {
    return await recordFor(EXAMPLE_SECONDS, (left) => {
      words.textContent = `${left.toFixed(1)} s left`;
    });
  } finally {
    button.classList.remove("recording");
    words.textContent = text;
  }
}

function showTeachStatus(text: string, className = ""): void {
  Object.assign(element("teach-status"), { textContent: text, className });
}
