// What stands beside the tree: a node, the votes, the cost, the rounds, the run.

function link(pane, id) {
  return make("a", { on: { click: () => pane.outline.choose(id) } }, `#${id}`);
}

function links(pane, ids, most = 30) {
  const shown = ids.slice(0, most).flatMap((id) => [link(pane, id), " "]);
  return make("span", {}, shown, ids.length > most ? `and ${whole(ids.length - most)} more` : "");
}

/** Log-probabilities of the generated tokens, a cell each. */
function strip(node) {
  const values = node.l.slice(0, 2000);
  const cells = values.map((value, at) => {
    const chance = Math.exp(value);
    const title = `token ${at + 1} of ${node.l.length}: id ${node.i?.[at] ?? "?"}, ${brief(value)} nats, p = ${percent(chance)}`;
    const cell = make("i", { title });
    // From 0 nats to 6: what was certain is pale, what surprised is dark.
    const share = Math.min(-value / 6, 1);
    cell.style.background = css([235 - 90 * share, 232 - 210 * share, 226 - 160 * share].map(Math.round));
    return cell;
  });
  const mean = node.l.reduce((sum, value) => sum + value, 0) / node.l.length;
  let low = 0;
  node.l.forEach((value, at) => { if (value < node.l[low]) low = at; });
  const left = node.l.length - values.length;
  return make("div", {},
    make("h3", {}, "Log-probabilities of the generated tokens"),
    make("div", { class: "strip", role: "img", "aria-label": `${node.l.length} tokens, mean ${brief(mean)} nats` }, cells),
    make("p", { class: "soft" }, `Mean ${brief(mean)} nats; the lowest ${brief(node.l[low])} at token ${low + 1} of ${node.l.length}. `,
      "Pale: likely; dark: 6 nats or more. A record holds the ids of tokens, and where each ends in the text it does not say.",
      left ? ` ${whole(left)} more tokens are left out here.` : ""));
}

function messages(asked) {
  return make("div", { class: "says" }, asked.flatMap(([role, text], at) => [
    asked.length > 1 || role !== "user" ? make("span", { class: "role" }, `${at ? "\n" : ""}${role}\n`) : null, text]));
}

function nodeTab(pane) {
  const { data, outline: { picked: id } } = pane;
  const node = data.nodes[id];
  const scale = scaleOf(data, node);
  const path = [];
  for (let at = id; at !== undefined && !data.nodes[at].q; at = data.nodes[at].p) path.unshift(at);
  let question = id;
  while (!data.nodes[question].q) question = data.nodes[question].p;
  const about = data.nodes[question].p;
  const [, generated, scored, flops, calls] = node.c;
  const parts = [
    make("h3", {}, `#${id} · ${id ? kindOf(node) : "the problem"}${node.d ? ` · round ${node.d}` : ""}`),
    facts([
      ["fate", node.y],
      ["written by", node.q ? undefined : node.w ?? "the policy"],
      ["score", node.s === undefined ? undefined : `${brief(node.s)} (${scale.words.split(";")[0]}${node.j ? `, by ${node.j}` : ""})`],
      ["value", node.v === undefined ? undefined : `${brief(node.v)}, which the strategy put in place of the score`],
      ["path", node.a === undefined ? undefined : `${brief(node.a)} (by ${scale.aggregate})`],
      ["answer", node.x === undefined ? undefined : `${node.x}${node.ok === undefined ? "" : node.ok ? " (right)" : " (wrong)"}`],
      ["cost", [[generated, "tokens generated"], [scored, "judged"], [flops, "operations"], [calls, "calls"]]
        .filter(([amount]) => amount > 0).map(([amount, what]) => `${amount < 1e6 ? whole(amount) : brief(amount)} ${what}`).join(", ")],
      ["below", data.count[id] > 1 ? `${whole(data.count[id] - 1)} nodes, ${whole(data.below[id])} tokens with its own` : undefined],
      ["tokens given", node.g ? `${node.g}, which were not generated here` : undefined],
    ]),
  ];
  if (question !== 0 || id === 0) {
    parts.push(make("h3", {}, id === question ? "Asked" : "It answers"), about === undefined ? null : make("p", { class: "soft" }, "about ", link(pane, about)));
    parts.push(messages(data.nodes[question].q));
  }
  if (path.length) {
    const steps = path.map((at) => make("span", {
      class: at === id ? "step here" : "step", title: `#${at}, score ${scoreOf(data.nodes[at]) === undefined ? "none" : brief(scoreOf(data.nodes[at]))}`,
      on: { click: () => pane.outline.choose(at) } }, data.nodes[at].t));
    parts.push(make("h3", {}, "The text up to here"), make("div", { class: "says" }, steps));
  }
  if (node.l?.length) parts.push(strip(node));
  else if (!node.q) parts.push(make("p", { class: "soft" }, "The record has no log-probabilities of this step."));
  return parts;
}

function votesTab(pane) {
  const { data } = pane;
  const { votes } = data;
  const sum = (key) => votes.groups.reduce((all, group) => all + (group[key] ?? 0), 0);
  const [count, weight] = [sum("count"), sum("weight")];
  const bar = (share) => {
    const element = make("span", { class: "share" });
    element.style.width = `${Math.round(80 * share)}px`;
    return make("span", {}, element, ` ${percent(share)}`);
  };
  const rows = votes.groups.map((group) => ({
    mark: group.nodes.includes(data.best) ? "chosen" : undefined,
    cells: [
      make("span", {}, group.answer, group.right === undefined ? "" : group.right ? " ✓" : " ✗"), whole(group.count), bar(group.count / count),
      group.weight === undefined ? "–" : bar(weight > 0 ? group.weight / weight : 0),
      group.best === undefined ? "–" : brief(group.best), links(pane, group.nodes, 12)],
  }));
  return [
    table(["answer", "votes", "majority", "weighted", "best score", "candidates"], rows, "Votes over answers"),
    votes.silent.length ? make("p", {}, `${whole(votes.silent.length)} candidates have no answer, and do not vote: `, links(pane, votes.silent)) : null,
    votes.finished ? null : make("p", { class: "soft" }, "No path was finished: these are answers that unfinished ones say so far."),
    make("p", { class: "soft" }, votes.words),
    data.gold === undefined ? null : make("p", {}, `The right answer is ${data.gold}.`),
  ];
}

function costTab(pane) {
  const { data } = pane;
  const head = ["", "lines", "tokens generated", "tokens judged", "operations", "calls"];
  const row = (name, cost) => [name, ...[cost[0], cost[1], cost[2]].map(whole), brief(cost[3]), whole(cost[4])];
  const add = (a, b) => a.map((value, at) => value + b[at]);
  const kinds = new Map();
  for (const node of data.nodes) {
    const kind = node.q ? "failed lines, at questions" : { step: "candidates", rollout: "rollouts", aside: "asides" }[kindOf(node)];
    kinds.set(kind, add(kinds.get(kind) ?? [0, 0, 0, 0, 0], node.c));
  }
  const dearest = data.nodes.map((_, id) => id).sort((a, b) => data.nodes[b].c[1] - data.nodes[a].c[1]).slice(0, 10);
  return [
    table(head, [...data.roles.map(([name, cost]) => row(name || "the policy", cost)), row("all", data.cost)], "By role"),
    table(head, [...kinds].filter(([, cost]) => cost.some((part) => part > 0)).map(([name, cost]) => row(name, cost)), "By kind of node"),
    table(["node", "tokens generated", "text"], dearest.map((id) => [link(pane, id), whole(data.nodes[id].c[1]),
      make("span", {}, textOf(data.nodes[id]).trim().slice(0, 60))]), "The longest steps"),
    data.failed.length ? table(["node", "round", "role", "why"], data.failed.map(([id, round, role, why]) =>
      [link(pane, id), round, role || "the policy", make("span", {}, why)]), "Lines that failed") : null,
    data.unscored.length ? table(["node", "round", "why"], data.unscored.map(([id, round, why]) =>
      [link(pane, id), round, make("span", {}, why)]), "Paths that could not be judged") : null,
  ];
}

function roundsTab(pane) {
  const { data } = pane;
  return data.rounds.map((round) => make("div", {},
    make("h3", {}, `Round ${round.round}`),
    make("p", {}, `${whole(round.nodes)} nodes, ${whole(round.tokens)} tokens; ${whole(round.continued)} of ${whole(round.ends)} `
      + `ends were continued, ${whole(round.finished)} finished, ${whole(round.pruned)} pruned.`),
    round.asked.length ? make("details", {}, make("summary", {}, `${whole(round.asked.length)} decisions`),
      make("ul", {}, round.asked.slice(0, 200).map(([id, words]) => make("li", {}, link(pane, id), ` ${words}`))),
      round.asked.length > 200 ? make("p", {}, `and ${whole(round.asked.length - 200)} more`) : null) : null));
}

function runTab(pane) {
  const { data } = pane;
  return [facts([["ended", data.stop], ...data.settings])];
}

const TABS = { Node: nodeTab, Votes: votesTab, Cost: costTab, Rounds: roundsTab, Run: runTab };
