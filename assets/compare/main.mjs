// Boots the Compare page: waits for Dash's layout, then joins the stream, the maps, the strips and the cards.
import { AppBar } from "../live/appbar.mjs";
import { byId, present } from "../live/dom.mjs";
import { attachKeyboard } from "../live/keyboard.mjs";
import { CityMap } from "../live/map.mjs";
import { MapBar } from "../live/mapbar.mjs";
import { RunControls } from "../live/run_controls.mjs";
import { Schema } from "../live/schema.mjs";
import { start } from "../live/start.mjs";
import { Steering } from "../live/steering.mjs";
import { Stream } from "../live/stream.mjs";
import { Theme } from "../live/theme.mjs";
import { toast } from "../live/toast.mjs";
import { attachTooltips } from "../live/tooltip.mjs";
import { decode } from "../live/url.mjs";
import { Arms } from "./arms.mjs";
import { ColourKey } from "./colour_key.mjs";
import { Differences } from "./differences.mjs";
import { Fork } from "./fork.mjs";
import { MeasureChoice } from "./measure_choice.mjs";
import { ComparePage } from "./page.mjs";
import { Panes } from "./panes.mjs";
import { SeedField } from "./seed.mjs";
import { Verdict } from "./verdict.mjs";

async function boot() {
  await present("#schema", "#map", "#controls", "#differences", "#rankings", "#fork-params", "#toasts");
  const schema = new Schema(JSON.parse(byId("schema").dataset.schema));
  const { view, problems } = decode(location.search, schema);
  const theme = new Theme(view.theme);
  const map = new CityMap(null, { theme: theme.name, colouring: view.colour });
  const steering = new Steering(schema);
  const measures = new MeasureChoice(schema, view.measure);
  const parts = {
    schema,
    view,
    theme,
    map,
    steering,
    stream: new Stream(),
    run: new RunControls(schema, steering),
    seed: new SeedField(schema, steering),
    appBar: new AppBar(),
    mapBar: new MapBar(schema, map, view, { single: false }),
    colourKey: new ColourKey(byId("map-bar")),
    arms: new Arms(schema, steering, view.arms),
    panes: new Panes(schema, map),
    measures,
    differences: new Differences(schema, measures, view),
    verdict: new Verdict(schema, steering, measures, theme.name),
    fork: new Fork(schema, steering, measures, view, theme.name),
  };
  const page = new ComparePage(parts);
  attachTooltips();
  attachKeyboard({ ...parts, close: () => page.close(), presenter: () => page.togglePresenter(), help: () => page.help() });
  for (const problem of problems) toast(problem, "error");
  await Promise.all([parts.differences.ready(theme.name), parts.verdict.load(), parts.fork.ready()]);
}

start(boot);
