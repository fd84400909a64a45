// Contests over seeds as the server has them: the one being played, the ones kept, the ones that come with the package.

const URL = "/api/contest";
const RUNNING_MS = 1000;
const REST_MS = 15_000; // another tab may have started one

/** Events: `change`. */
export class Contests extends EventTarget {
  state = { state: "none", message: "", done: 0, of: 0, eta_s: null };
  kept = []; // {name, command, contest, judged}; newest of each kind of ingredients
  shipped = [];
  #timer = 0;
  #seen = "";

  async load() {
    this.shipped = (await asked("GET", `${URL}/shipped`)).results;
    await this.#look();
  }

  /** Begin one; throws with a sentence where the server refuses. */
  async start(request) {
    await this.#take(await asked("POST", URL, request));
  }

  async cancel() {
    await this.#take(await asked("DELETE", URL));
  }

  get running() {
    return this.state.state === "running";
  }

  async #look() {
    try {
      await this.#take(await asked("GET", URL));
    } catch {
      this.#later(); // the app bar says that the server is away
    }
  }

  async #take(state) {
    this.state = state;
    const key = `${state.state}${state.done}${state.of}`;
    if (key !== this.#seen) this.kept = (await asked("GET", `${URL}/kept`)).results;
    this.#seen = key;
    this.dispatchEvent(new CustomEvent("change"));
    this.#later();
  }

  #later() {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#look(), this.running ? RUNNING_MS : REST_MS);
  }
}

/** Address of a contest as a file. */
export const exportAddress = (name, format) => `${URL}/export?of=${encodeURIComponent(name)}&format=${format}`;

async function asked(method, address, content) {
  const sent = content === undefined ? {} : { headers: { "Content-Type": "application/json" }, body: JSON.stringify(content) };
  let reply;
  try {
    reply = await fetch(address, { method, ...sent });
  } catch {
    throw new Error("The server does not answer: is iov-twin still running?");
  }
  const told = await reply.json().catch(() => ({}));
  if (!reply.ok) throw new Error(told.error ?? `The server answered ${reply.status}.`);
  return told;
}
