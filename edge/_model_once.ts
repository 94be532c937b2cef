/**
 * A model that is loaded when it is first asked for, and once however many ask.
 *
 * @module
 */

/** Loads on the first request; after a failure the next request tries again. */
export class ModelOnce<Model> {
  readonly #load: () => Promise<Model>;
  #loading?: Promise<Model>;
  #model?: Model;

  /** @param load reads the model; it is called again only after it failed. */
  constructor(load: () => Promise<Model>) {
    this.#load = load;
  }

  /** The model, where it is loaded. */
  get ready(): Model | undefined {
    return this.#model;
  }

  /** The model, loaded if need be. */
  get(): Promise<Model> {
    this.#loading ??= this.#start();
    return this.#loading;
  }

  async #start(): Promise<Model> {
    // Even a failure at once then comes after the promise is kept.
    await undefined;
    try {
      this.#model = await this.#load();
      return this.#model;
    } catch (error) {
      this.#loading = undefined;
      throw error;
    }
  }
}
