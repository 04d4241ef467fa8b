// What a reader of the pages sees and does, asserted within the page. scripts/look.sh appends it to the
// pages that the example `gallery` of tts-search writes, and reads what it leaves.
(async () => {
  const say = [];
  const check = (holds, what) => { if (!holds) throw new Error(what); };
  const equal = (found, wanted, what) => check(found === wanted, `${what}: ${JSON.stringify(found)}, expected ${JSON.stringify(wanted)}`);
  const all = (selector, within = document) => [...within.querySelectorAll(selector)];
  const one = (selector, within = document) => { const found = within.querySelector(selector); check(found, `no ${selector}`); return found; };
  // Everything happens before the page counts as loaded, when the browser is asked for what it holds.
  const frame = async () => all(".tree").forEach((tree) => tree.dispatchEvent(new Event("scroll")));
  const key = async (name, to = one(".tree")) => { to.dispatchEvent(new KeyboardEvent("keydown", { key: name, bubbles: true, cancelable: true })); await frame(); };
  const picked = () => one(".row.picked");
  const tab = async (name) => { all(".tabs button").find((button) => button.textContent === name).click(); await frame(); return one(".side .body").textContent; };
  const pick = async (name) => {
    const select = one(".pane select");
    select.value = [...select.options].find((option) => option.textContent === name).value;
    select.dispatchEvent(new Event("change"));
    await frame();
  };
  const find = async (words) => {
    const field = one(".pane input[type=search]");
    field.value = words;
    field.dispatchEvent(new Event("input"));
    await frame();
    return one(".pane [role=status]").textContent;
  };
  const caseOf = (number) => JSON.parse(document.getElementById(`case-${number}`).textContent);

  const looks = {
    "Searches in toy worlds": async () => {
      const data = caseOf(0);
      check(one(".head").textContent.includes(`${data.nodes.length} nodes`), "the number of nodes is told");
      check(one(".head .asked").textContent === data.nodes[0].q[0][1], "the question stands above");
      check(picked().textContent.includes("◀"), "the chosen end is picked at first");
      check(all(".chip").every((chip) => chip.style.background), "scores are coloured");
      // Keys.
      await key("Home");
      equal(picked().id, "0-node-0", "Home");
      equal(picked().getAttribute("aria-expanded"), "true", "the root is open");
      const rows = () => Number(one(".sizer").style.height.replace("px", "")) / 22;
      const before = rows();
      equal(before, data.nodes.length, "every node has a row");
      await key("Enter");
      equal(rows(), 1, "Enter folds");
      check(picked().textContent.includes(`${data.nodes.length - 1} folded`), "what is folded is counted");
      await key("ArrowRight");
      equal(rows(), before, "the right arrow unfolds");
      await key("ArrowRight");
      equal(picked().id, "0-node-1", "the right arrow goes on");
      await key("ArrowDown");
      check(picked().id !== "0-node-1", "the arrow down");
      await key("ArrowLeft");
      await key("ArrowLeft");
      equal(picked().id, "0-node-0", "the left arrow goes to the parent");
      await key("c");
      equal(picked().id, `0-node-${data.best}`, "c goes to the chosen end");
      await key("/", document.body);
      equal(document.activeElement, one(".pane input[type=search]"), "/ goes to the search field");
      const found = await find("Answer is");
      const wanted = data.nodes.filter((node) => node.t.toLowerCase().includes("answer is")).length;
      check(found.endsWith(`of ${wanted}`) || found === `${wanted} found`, `search: ${found}, of ${wanted}`);
      await key("Enter", one(".pane input[type=search]"));
      check(picked().classList.contains("hit"), "Enter goes to what was found");
      // What was pruned, and when.
      const pruned = data.nodes.findIndex((node) => node.f === "pruned");
      location.hash = "";
      await find("");
      one(".tree").scrollTop = 0;
      await frame();
      one(`[id="0-node-${pruned}"]`).click();
      const told = one(".side .body").textContent;
      check(told.includes(`not continued in round ${data.nodes[pruned].z}`) && told.includes("by score"), `why it was pruned: ${told}`);
      equal(all(".strip i").length, data.nodes[pruned].l.length, "a cell for each log-probability");
      check(one(".strip i").title.includes("nats"), "cells tell their numbers");
      const votes = await tab("Votes");
      check(data.votes.groups.every((group) => votes.includes(group.answer)), "every answer is in the vote");
      check(votes.includes("The right answer is 34."), "the right answer is told");
      const cost = await tab("Cost");
      check(cost.includes("By role") && cost.includes(data.cost[1].toLocaleString("en")), "cost by role, and all of it");
      const rounds = await tab("Rounds");
      check(data.rounds.every((round) => rounds.includes(`Round ${round.round}`)) && rounds.includes("lines of a step"), "rounds with decisions");
      check((await tab("Run")).includes("temperature"), "settings");
      // Questions, asides, rollouts.
      await pick("lookahead");
      check(all(".kind.rollout").length > 0, "rollouts are told apart");
      await key("End");
      await pick("self-refine");
      check(all(".kind.question").length > 1 && all(".kind.aside").length > 0, "questions and asides are told apart");
      const aside = all(".row.aside")[0];
      aside.click();
      check(one(".side .body").textContent.includes("What is wrong with it?"), "an aside stands with its question");
      await pick("killed");
      check(one(".open-ended").textContent.includes("no end in the record"), "a killed run is told");
      await pick("out-of-budget");
      check(one(".head").textContent.includes("the budget was out"), "why it ended");
      // Side by side.
      one("#compare").click();
      await frame();
      equal(all(".pane").length, 2, "two panes");
      check(one("#compared").textContent.includes("second to first"), "figures side by side");
      one("#compare").click();
      await frame();
      equal(all(".pane").length, 1, "one pane again");
    },
    "A large tree": async () => {
      const data = caseOf(0);
      check(data.nodes.length >= 5000, `${data.nodes.length} nodes`);
      check(all(".row").length < 150, `${all(".row").length} rows in the page`);
      const begun = performance.now();
      await key("Home");
      await key("*");
      equal(Number(one(".sizer").style.height.replace("px", "")) / 22, data.nodes.length, "all unfolded");
      check(all(".row").length < 150, "still only the rows in sight");
      await key("End");
      check(picked().id.startsWith("0-node-"), "the last row is there");
      say.push(`unfolded and went to the end of ${data.nodes.length} rows in ${Math.round(performance.now() - begun)} ms`);
      const search = performance.now();
      const found = await find("answer");
      say.push(`searched in ${Math.round(performance.now() - search)} ms: ${found}`);
      check(/\d/.test(found), "search finds");
    },
    report: async () => {
      equal(document.body.dataset.view, "report", "the report comes first");
      check(all("#report svg").length > 0, "charts");
      const rows = all("#problems tbody tr");
      check(rows.length > 0, "problems");
      const links = all("#problems tbody a");
      check(links.length > 0, "problems have trees");
      links[0].click();
      await frame();
      equal(document.body.dataset.view, "trees", "a problem leads to its tree");
      await key("Home");
      check(one(".row.question").textContent.length > 5, "the tree stands there");
    },
    hostile: async () => {
      const data = caseOf(0);
      equal(document.title.includes("<script>"), true, "the title is text");
      check(all(".row").some((row) => row.textContent.includes("<\/script><script>")), "rows hold the text as it is");
      await key("Home");
      check(one(".says").textContent.includes("<img src=x"), "questions hold the text as it is");
      for (const name of ["Votes", "Cost", "Rounds", "Run", "Node"]) await tab(name);
      await key("c");
      equal(all("img").length, 0, "no element came of a text");
      equal(all("[onmouseover], [onerror]").length, 0, "no attribute came of a text");
      equal(window.harmed, undefined, "nothing was run");
      equal(all("script").length, 3, "no further script");
      equal(data.nodes[1].t, data.nodes[0].q[0][1], "texts are whole");
    },
  };
  const leave = (text) => {
    const seen = document.createElement("pre");
    seen.id = "seen";
    seen.textContent = text;
    document.body.append(seen);
  };
  try {
    one("main").getBoundingClientRect();
    say.push(`opened in ${Math.round(performance.now())} ms`);
    const look = looks[document.title] ?? (document.getElementById("report") ? looks.report : looks.hostile);
    await look();
    leave(`ok: ${say.join("; ")}`);
  } catch (error) {
    leave(`FAILED: ${error.message}`);
  }
})();
