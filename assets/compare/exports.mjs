// Taking things away: CSV with where it comes from, charts as SVG or PNG.
import { h } from "../live/dom.mjs";
import { toast } from "../live/toast.mjs";

const WIDTH = 960;
const HEIGHT = 420;
const ABOUT = { csv: "the figures as text", parquet: "the figures as Parquet", json: "the figures in marl-eval's JSON", svg: "the chart as SVG", png: "the chart as PNG" };

/** A button for each of {csv, svg, png, ...}, which runs when it is pressed. */
export function exportButtons(what, ways) {
  return Object.entries(ways).map(([format, run]) =>
    h("button", { type: "button", class: "export", "data-format": format, "data-tip": `Save ${ABOUT[format]}`, "aria-label": `${what}: save ${ABOUT[format]}`, text: format === "json" ? "marl-eval" : format.toUpperCase(), onclick: () => attempt(run) }));
}

async function attempt(run) {
  try {
    await run();
  } catch (error) {
    toast(`It could not be saved: ${error.message}.`, "error");
  }
}

/** Text of a table: a comment line for each thing that is known of where it comes from, then head and rows. */
export function csv(provenance, head, rows) {
  const told = Object.entries(provenance).map(([name, value]) => `# ${name}: ${typeof value === "string" ? value : JSON.stringify(value)}`);
  const lines = [head, ...rows].map((row) => row.map(cell).join(","));
  return [...told, ...lines, ""].join("\r\n");
}

function cell(value) {
  if (value === null || value === undefined || Number.isNaN(value)) return "";
  const text = typeof value === "number" ? String(Number(value.toPrecision(9))) : String(value);
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

export function saveText(name, text, type) {
  save(name, new Blob([text], { type: `${type};charset=utf-8` }));
}

export function save(name, blob) {
  const address = URL.createObjectURL(blob);
  const link = h("a", { href: address, download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(address), 10_000);
}

/** Save what a Plotly chart shows, on the page's ground and with where it comes from below it. */
export async function saveChart(graph, name, format, { title, provenance }) {
  const ground = getComputedStyle(document.body).getPropertyValue("--surface").trim();
  const { run, seed, step } = provenance;
  const below = { text: `IoV Twin · run ${run} · seed ${seed} · step ${step}`, xref: "paper", yref: "paper", x: 1, y: 0, yshift: -52, xanchor: "right", yanchor: "top", showarrow: false };
  const layout = {
    ...graph.layout,
    paper_bgcolor: ground,
    plot_bgcolor: ground,
    title: { text: title, x: 0.02, font: { size: 14 } },
    margin: { l: 62, r: 16, t: 46, b: 74 },
    annotations: [...(graph.layout.annotations ?? []), below],
  };
  const address = await Plotly.toImage({ data: graph.data, layout }, { format, width: WIDTH, height: HEIGHT, scale: format === "png" ? 2 : 1 });
  const image = await toBlob(address, format);
  save(name, image);
}

/** Save an SVG element whose looks all stand in attributes, with where it comes from inside. */
export async function saveSvg(svg, name, format, provenance) {
  const about = document.createElementNS(svg.namespaceURI, "metadata");
  about.textContent = JSON.stringify(provenance);
  svg.prepend(about);
  const drawn = new Blob([new XMLSerializer().serializeToString(svg)], { type: "image/svg+xml" });
  save(name, format === "png" ? await rastered(drawn, svg) : drawn);
}

async function rastered(drawn, svg) {
  const address = URL.createObjectURL(drawn);
  const image = new Image();
  image.src = address;
  await image.decode();
  const [width, height] = ["width", "height"].map((side) => 2 * Number(svg.getAttribute(side)));
  const canvas = Object.assign(document.createElement("canvas"), { width, height });
  canvas.getContext("2d").drawImage(image, 0, 0, width, height);
  URL.revokeObjectURL(address);
  return new Promise((resolve) => canvas.toBlob(resolve, "image/png"));
}

// Not by `fetch`: the page's policy keeps that to its own server.
function toBlob(address, format) {
  const [head, body] = [address.slice(0, address.indexOf(",")), address.slice(address.indexOf(",") + 1)];
  if (!head.endsWith(";base64")) return new Blob([decodeURIComponent(body)], { type: "image/svg+xml" });
  const bytes = Uint8Array.from(atob(body), (letter) => letter.charCodeAt(0));
  return new Blob([bytes], { type: `image/${format}` });
}
