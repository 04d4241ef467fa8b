// The problems of a report, each with its tree where it is at hand.

function listProblems(open) {
  const place = document.getElementById("problems");
  if (!place) return;
  const problems = JSON.parse(document.getElementById("problem-rows").textContent);
  const columns = [
    ["name", "problem", "name"], ["question", "question", "words"], ["gold", "right answer", "words"], ["answer", "answer", "words"],
    ["right", "", "verdict"], ["tokens", "tokens", "number"], ["nodes", "tree", "tree"], ["note", "note", "words"],
  ];
  let [order, down, only, most] = [null, false, "all", 200];
  const verdict = (right) => make("span", { class: `mark ${right ? "right" : "wrong"}` }, right ? "✓" : "✗");
  const cell = (problem, [key, , kind]) => {
    const value = problem[key];
    if (kind === "tree") {
      if (problem.case === undefined) return make("td", { class: "soft" }, "–");
      return make("td", {}, make("a", { on: { click: () => open(problem.case) } }, `${whole(value)} nodes`));
    }
    if (value === undefined || value === null) return make("td", { class: kind === "words" ? "words" : undefined }, "–");
    if (kind === "verdict") return make("td", {}, verdict(value));
    if (kind === "number") return make("td", {}, whole(value));
    return make("td", { class: "words" }, String(value).slice(0, 300));
  };
  const draw = () => {
    let rows = problems.filter((problem) => only === "all" || problem.right === (only === "right"));
    if (order) {
      const sign = down ? -1 : 1;
      const value = (problem) => problem[order] ?? "";
      rows = rows.toSorted((a, b) => sign * (typeof value(a) === "number" && typeof value(b) === "number"
        ? value(a) - value(b) : String(value(a)).localeCompare(String(value(b)), "en", { numeric: true })));
    }
    const head = columns.map(([key, name]) => make("th", { "data-key": key, on: { click: () => {
      [order, down] = [key, order === key && !down];
      draw();
    } } }, name + (order === key ? (down ? " ▼" : " ▲") : "")));
    const filter = make("select", { "aria-label": "Which problems", on: { change: (event) => { only = event.target.value; draw(); } } },
      ["all", "right", "wrong"].map((name) => make("option", { value: name, selected: name === only }, name)));
    const left = rows.length - most;
    place.replaceChildren(make("p", {}, filter, ` ${whole(rows.length)} of ${whole(problems.length)} problems`),
      make("table", {}, make("thead", {}, make("tr", {}, head)),
        make("tbody", {}, rows.slice(0, most).map((problem) => make("tr", {}, columns.map((column) => cell(problem, column)))))),
      ...(left > 0 ? [make("button", { on: { click: () => { most += 1000; draw(); } } }, `${whole(left)} more`)] : []));
  };
  draw();
}
