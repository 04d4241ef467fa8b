// A search as it stands in the page, with what follows from its nodes. Texts come from models: they reach
// the page as text nodes only, never as markup.

/** An element with attributes and children; children that are no nodes become text. */
function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === undefined || value === null || value === false) continue;
    if (name === "on") for (const [event, does] of Object.entries(value)) element.addEventListener(event, does);
    else element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.flat().filter((child) => child !== undefined && child !== null));
  return element;
}

const COUNT = document.querySelectorAll("script.case").length;
const loaded = new Map();

/** The name of a search, known without reading it. */
function nameOf(number) {
  return document.getElementById(`case-${number}`).dataset.name;
}

/** Reads a search when it is first looked at. */
function load(number) {
  if (!loaded.has(number)) {
    loaded.set(number, prepare(JSON.parse(document.getElementById(`case-${number}`).textContent)));
  }
  return loaded.get(number);
}

/** Children, indents and sums: a node stands behind its parent always. */
function prepare(data) {
  const { nodes } = data;
  const size = nodes.length;
  data.kids = nodes.map(() => []);
  for (let id = 1; id < size; id++) data.kids[nodes[id].p].push(id);
  data.indent = new Int32Array(size);
  data.below = new Float64Array(size);
  data.count = new Int32Array(size);
  for (let id = size - 1; id >= 0; id--) {
    data.below[id] += nodes[id].c[1];
    data.count[id] += 1;
    if (id > 0) {
      data.below[nodes[id].p] += data.below[id];
      data.count[nodes[id].p] += data.count[id];
    }
  }
  // A step that alone follows another stands below it, not further in: long solutions stay in sight.
  for (let id = 1; id < size; id++) {
    const above = nodes[id].p;
    const alone = data.kids[above].length === 1 && !nodes[id].q && above !== 0;
    data.indent[id] = data.indent[above] + (alone ? 0 : 1);
  }
  data.chosen = new Set();
  for (let id = data.best; id !== null && id !== undefined; id = nodes[id].p) data.chosen.add(id);
  return data;
}

/** What a node is, in a word. */
function kindOf(node) {
  if (node.q) return "question";
  return { r: "rollout", a: "aside" }[node.k] ?? "step";
}

/** The text that stands for a node: what was written, or asked. */
function textOf(node) {
  return node.q ? node.q[node.q.length - 1][1] : node.t;
}

const RAMP = [[68, 1, 84], [59, 82, 139], [33, 145, 140], [94, 201, 98], [253, 231, 37]];

/** A colour of the scale, from 0, the worst, to 1. */
function colour(share) {
  const at = Math.min(Math.max(share, 0), 1) * (RAMP.length - 1);
  const low = Math.min(Math.floor(at), RAMP.length - 2);
  return RAMP[low].map((part, i) => Math.round(part + (RAMP[low + 1][i] - part) * (at - low)));
}

function css([red, green, blue]) {
  return `rgb(${red} ${green} ${blue})`;
}

/** Where a score stands between the ends of its scale. */
function shareOf(score, scale) {
  return scale.high > scale.low ? (score - scale.low) / (scale.high - scale.low) : 0.5;
}

function scaleOf(data, node) {
  return (node.j && data.scales[node.j]) || data.scale;
}

function scoreOf(node) {
  return node.v ?? node.s;
}

/** A number in as few digits as tell it. */
function brief(value) {
  if (value === 0) return "0";
  const size = Math.abs(value);
  if (size >= 1e6 || size < 1e-3) return value.toExponential(2);
  if (size >= 100) return value.toFixed(0);
  return value.toFixed(size >= 10 ? 1 : size >= 0.1 ? 2 : 3).replace("-", "−");
}

function whole(value) {
  return value.toLocaleString("en", { maximumFractionDigits: 0 });
}

function percent(share) {
  return `${(100 * share).toFixed(1)} %`;
}

/** A score on its scale. */
function chip(data, node) {
  const score = scoreOf(node);
  if (score === undefined) return make("span", { class: "chip none" }, "–");
  const [red, green, blue] = colour(shareOf(score, scaleOf(data, node)));
  const dark = 0.3 * red + 0.59 * green + 0.11 * blue < 140;
  const element = make("span", { class: "chip" }, brief(score));
  element.style.background = css([red, green, blue]);
  element.style.color = dark ? "#fff" : "#000";
  return element;
}

function table(head, rows, caption) {
  const cell = (tag) => (value) => (value instanceof Node ? make(tag, { class: "words" }, value) : make(tag, {}, String(value)));
  return make("table", {}, caption ? make("caption", {}, caption) : null,
    make("thead", {}, make("tr", {}, head.map(cell("th")))),
    make("tbody", {}, rows.map((row) => make("tr", { class: row.mark }, (row.cells ?? row).map(cell("td"))))));
}

function facts(pairs) {
  const rows = pairs.filter(([, value]) => value !== undefined && value !== null && value !== "");
  return make("dl", {}, rows.flatMap(([name, value]) => [make("dt", {}, name), make("dd", {}, value)]));
}
