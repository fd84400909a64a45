// What learning shows on the page: the log of a run goes to charts, federation, inspector and the words about training.
import { Federation } from "./federation.mjs";
import { LearningLog } from "./learning_log.mjs";
import { Training } from "./training.mjs";

/** Events: `select` ({rsu} or {vehicle}). */
export class LearningView extends EventTarget {
  #federation;
  #training;
  #charts = null;
  #log = new LearningLog();
  #told = {}; // the status's, by scheme
  #arm = "";
  #looking = false;

  constructor({ schema, steering, stream, theme }) {
    super();
    this.#federation = new Federation(schema);
    this.#training = new Training(schema, steering);
    this.#federation.addEventListener("select", ({ detail }) => this.dispatchEvent(new CustomEvent("select", { detail })));
    this.#federation.setTheme(theme.name);
    theme.addEventListener("change", ({ detail }) => this.#federation.setTheme(detail));
    stream.addEventListener("learning", ({ detail }) => {
      if (this.#log.take(detail)) this.#show();
    });
  }

  setCharts(charts) {
    this.#charts = charts;
    this.#show();
  }

  begin(run, looking) {
    this.#looking = looking;
    this.#log.begin(run);
    this.#show();
  }

  status({ learning }) {
    this.#told = learning ?? {};
    this.#show();
  }

  /** The scheme the map shows; where it does not learn, the first that does is told of. */
  setArm(name) {
    this.#arm = name;
    this.#show();
  }

  /** Simulated time in seconds. */
  now = 0;

  setNow(tS) {
    this.now = tS;
    this.#federation.setNow(tS);
  }

  setSelected(rsu) {
    this.#federation.setSelected(rsu);
  }

  close() {
    return this.#federation.close();
  }

  /** Newest rounds of an RSU under the scheme told of, newest first. */
  roundsOf(rsu, most) {
    return this.#log.of(this.#scheme)?.roundsOf(rsu, most) ?? [];
  }

  get #scheme() {
    const known = [...Object.keys(this.#told), ...this.#log.schemes];
    return known.includes(this.#arm) ? this.#arm : (known[0] ?? "");
  }

  #show() {
    const scheme = this.#scheme;
    const learning = this.#log.of(scheme);
    this.#charts?.setLearning(this.#log);
    this.#federation.setLearning(scheme, learning);
    this.#training.update(this.#told, { scheme, learning, looking: this.#looking });
  }
}
