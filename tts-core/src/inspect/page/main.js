// Panes, the report, and what the keys of the whole page do.

class Pane {
  constructor(place, number) {
    this.select = make("select", { "aria-label": "Search to show", on: { change: () => this.show(Number(this.select.value)) } },
      Array.from({ length: COUNT }, (_, at) => make("option", { value: at }, nameOf(at))));
    this.field = make("input", { type: "search", placeholder: "search in texts  ( / )", "aria-label": "Search in texts", on: {
      input: () => { this.outline.search(this.field.value); this.count(); },
      keydown: (event) => {
        if (event.key === "Enter") { this.outline.step(!event.shiftKey); this.count(); }
        if (event.key === "Escape") this.outline.tree.focus();
      },
    } });
    this.hits = make("span", { class: "soft", role: "status" });
    this.asked = make("span", { class: "asked" });
    this.line = make("div", { class: "row2" });
    this.tabs = make("div", { class: "tabs", role: "tablist" });
    this.body = make("div", { class: "body" });
    const box = make("div", { class: "treebox" });
    this.element = make("section", { class: "pane" },
      make("div", { class: "head" }, make("div", { class: "row1" }, this.select, this.asked, this.field, this.hits), this.line),
      box, make("div", { class: "side" }, this.tabs, this.body));
    document.getElementById("panes").append(this.element);
    this.outline = new Outline(box, () => { this.tab = "Node"; this.tell(); this.count(); remember(); });
    this.outline.tree.dataset.pane = place;
    this.tab = "Node";
    this.show(number);
  }

  show(number, node) {
    this.number = number;
    this.data = load(number);
    this.select.value = number;
    const { data } = this;
    this.asked.textContent = textOf(data.nodes[0]).trim().replace(/\s+/g, " ");
    this.asked.title = textOf(data.nodes[0]);
    const ramp = make("span", { class: "ramp" });
    ramp.style.background = `linear-gradient(to right, ${[0, 0.25, 0.5, 0.75, 1].map((at) => css(colour(at))).join(", ")})`;
    const state = data.ended ? data.stop : make("span", { class: "open-ended" }, data.stop);
    const right = data.right === undefined ? "" : data.right ? " ✓" : " ✗";
    this.line.replaceChildren(
      make("span", {}, `${whole(data.nodes.length)} nodes, ${data.rounds.length} rounds, ${whole(data.cost[1])} tokens generated, ${whole(data.cost[2])} judged`),
      make("span", {}, state),
      make("span", {}, data.answer === undefined ? "no answer chosen" : `answer ${data.answer}${right}`),
      make("span", {}, `${data.scale.words.split(";")[0]}: ${brief(data.scale.low)}`, ramp, brief(data.scale.high)));
    this.field.value = "";
    this.outline.show(data);
    if (node !== undefined && node < data.nodes.length) this.outline.picked = node;
    this.outline.reveal(this.outline.picked);
    this.tell();
    this.count();
    remember();
  }

  tell() {
    this.tabs.replaceChildren(...Object.keys(TABS).map((name) => make("button", {
      role: "tab", "aria-selected": String(name === this.tab), on: { click: () => { this.tab = name; this.tell(); } } }, name)));
    this.body.replaceChildren(...[TABS[this.tab](this)].flat().filter(Boolean));
  }

  count() {
    const { hits, picked } = this.outline;
    const at = hits.indexOf(picked);
    this.hits.textContent = !this.field.value.trim() ? "" : at < 0 ? `${whole(hits.length)} found` : `${at + 1} of ${whole(hits.length)}`;
  }
}

const panes = [];

/** The place in the address, so that it can be passed on. */
function remember() {
  if (!panes.length || document.body.dataset.view !== "trees") return;
  const at = panes.map((pane) => `${pane.number}.${pane.outline.picked}`).join("+");
  history.replaceState(null, "", `#${at}`);
}

function compare(on, number) {
  document.getElementById("compare").setAttribute("aria-pressed", String(on));
  document.body.classList.toggle("double", on);
  if (on && panes.length === 1) panes.push(new Pane(1, number ?? Math.min(panes[0].number + 1, COUNT - 1)));
  if (!on) panes.splice(1).forEach((pane) => pane.element.remove());
  const beside = document.getElementById("compared");
  beside.hidden = !on;
  const redo = () => on && beside.replaceChildren(compared());
  panes.forEach((pane) => pane.select.addEventListener("change", redo));
  redo();
  remember();
}

/** Two searches in figures. */
function compared() {
  const figures = [
    ["nodes", (data) => data.nodes.length, whole],
    ["rounds", (data) => data.rounds.length, whole],
    ["lines", (data) => data.cost[0], whole],
    ["tokens generated", (data) => data.cost[1], whole],
    ["tokens judged", (data) => data.cost[2], whole],
    ["operations", (data) => data.cost[3], brief],
    ["calls", (data) => data.cost[4], whole],
    ["steps of the chosen path", (data) => Math.max(data.chosen.size - 1, 0), whole],
  ];
  const answer = (data) => (data.answer ?? "none") + (data.right === undefined ? "" : data.right ? " ✓" : " ✗");
  const row = ({ number, data }) => [nameOf(number), answer(data), ...figures.map(([, of, show]) => show(of(data)))];
  const [a, b] = panes.map((pane) => pane.data);
  const ratio = ([, of]) => (of(a) > 0 ? `× ${brief(of(b) / of(a))}` : "–");
  return table(["", "answer", ...figures.map(([name]) => name)], [...panes.map(row), ["second to first", "", ...figures.map(ratio)]]);
}

function view(name) {
  document.body.dataset.view = name;
  const report = document.getElementById("report");
  if (report) report.hidden = name !== "report";
  document.getElementById("trees").hidden = name !== "trees";
  document.getElementById("compare").hidden = name !== "trees" || COUNT < 2;
  for (const other of ["report", "trees"]) {
    document.getElementById(`to-${other}`).setAttribute("aria-pressed", String(name === other));
  }
  if (name === "trees" && !panes.length && COUNT) panes.push(new Pane(0, 0));
  if (name === "trees") panes[0]?.outline.tree.focus();
  if (name === "report") history.replaceState(null, "", "#report");
}

function start() {
  document.getElementById("title").textContent = document.title;
  const report = document.getElementById("report");
  for (const name of ["report", "trees"]) {
    const button = document.getElementById(`to-${name}`);
    button.hidden = !report || !COUNT;
    button.addEventListener("click", () => view(name));
  }
  const button = document.getElementById("compare");
  button.addEventListener("click", () => compare(button.getAttribute("aria-pressed") !== "true"));
  const keys = document.getElementById("keys");
  document.getElementById("help").addEventListener("click", () => keys.showModal());
  document.addEventListener("keydown", (event) => {
    if (event.target.closest("input, select, dialog") || event.ctrlKey || event.metaKey || event.altKey) return;
    const pane = panes.find((one) => one.element.contains(document.activeElement)) ?? panes[0];
    if (event.key === "/" && pane && document.body.dataset.view === "trees") { event.preventDefault(); pane.field.focus(); }
    if (event.key === "?") keys.showModal();
  });
  listProblems(open);
  const places = [...location.hash.matchAll(/(\d+)\.(\d+)/g)].map(([, number, node]) => [Number(number), Number(node)]);
  if (places.length && places.every(([number]) => number < COUNT)) {
    view("trees");
    panes[0].show(...places[0]);
    if (places[1]) { compare(true, places[1][0]); panes[1].show(...places[1]); }
  } else {
    view(report ? "report" : "trees");
  }
}

/** Looks at one search, from the report. */
function open(number) {
  view("trees");
  panes[0].show(number);
}

start();
