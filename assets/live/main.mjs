// Boots the page: waits for Dash's layout, then joins the stream, the map, the controls and the charts.
import { AppBar } from "./appbar.mjs";
import { ChartTabs } from "./chart_tabs.mjs";
import { Charts } from "./charts.mjs";
import { Controls } from "./controls.mjs";
import { byId, present } from "./dom.mjs";
import { Inspector } from "./inspector.mjs";
import { attachKeyboard } from "./keyboard.mjs";
import { LearningView } from "./learning.mjs";
import { MapBar } from "./mapbar.mjs";
import { CityMap } from "./map.mjs";
import { Page } from "./page.mjs";
import { RunControls } from "./run_controls.mjs";
import { Schema } from "./schema.mjs";
import { start } from "./start.mjs";
import { Steering } from "./steering.mjs";
import { Stream } from "./stream.mjs";
import { Theme } from "./theme.mjs";
import { toast } from "./toast.mjs";
import { attachTooltips } from "./tooltip.mjs";
import { decode } from "./url.mjs";

async function boot() {
  await present("#schema", "#map", "#controls", "#inspector-body", "#federation", "#toasts");
  const schema = new Schema(JSON.parse(byId("schema").dataset.schema));
  const { view, problems } = decode(location.search, schema);
  const theme = new Theme(view.theme);
  const map = new CityMap(byId("map"), { theme: theme.name, colouring: view.colour });
  const steering = new Steering(schema);
  const stream = new Stream();
  const run = new RunControls(schema, steering);
  const parts = {
    schema,
    view,
    theme,
    map,
    steering,
    stream,
    run,
    controls: new Controls(schema, steering, run),
    appBar: new AppBar(),
    inspector: new Inspector(schema, () => theme.name),
    mapBar: new MapBar(schema, map, view),
    learning: new LearningView({ schema, steering, stream, theme }),
    tabs: new ChartTabs(view.charts),
  };
  const page = new Page(parts);
  attachTooltips();
  attachKeyboard({ ...parts, close: () => page.close(), presenter: () => page.togglePresenter(), help: () => page.help() });
  for (const problem of problems) toast(problem, "error");
  page.setCharts(await Charts.create(schema, theme.name));
}

start(boot);
