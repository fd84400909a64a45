// The roads of a run's city, asked for once each.
import { toast } from "./toast.mjs";

export class City {
  #at = "";

  /** Give `show` the city at this address, unless it has it. */
  async load(address, show) {
    if (!address || address === this.#at) return;
    try {
      const reply = await fetch(address);
      if (!reply.ok) throw new Error(String(reply.status));
      show(await reply.json());
      this.#at = address;
    } catch (error) {
      toast(`The roads of the city did not arrive (${error.message}): reload the page to ask again.`, "error");
    }
  }
}
