// The tree as an outline: only the rows in sight are in the page, so that thousands of nodes cost nothing.

const ROW = 22;

class Outline {
  constructor(box, pick) {
    this.pick = pick;
    this.sizer = make("div", { class: "sizer" });
    this.tree = make("div", { class: "tree", role: "tree", tabindex: "0", "aria-label": "Search tree" }, this.sizer);
    this.map = make("canvas", { class: "map", "aria-hidden": "true" });
    box.append(this.tree, this.map);
    this.tree.addEventListener("scroll", () => this.draw());
    this.tree.addEventListener("keydown", (event) => this.key(event));
    this.map.addEventListener("pointerdown", (event) => {
      const share = event.offsetY / this.map.clientHeight;
      this.tree.scrollTop = share * this.rows.length * ROW - this.tree.clientHeight / 2;
    });
    new ResizeObserver(() => { this.draw(); this.drawMap(); }).observe(box);
    this.byScore = false;
  }

  show(data) {
    this.data = data;
    this.folded = new Set();
    // A large tree begins with the chosen path alone.
    if (data.nodes.length > 400) {
      data.nodes.forEach((_, id) => { if (data.kids[id].length && !data.chosen.has(id)) this.folded.add(id); });
      this.folded.delete(0);
    }
    this.hits = [];
    this.found = new Set();
    this.picked = data.best ?? 0;
    this.tree.scrollTop = 0;
    this.lay();
  }

  order(id) {
    const { nodes, kids } = this.data;
    if (!this.byScore) return kids[id];
    const worth = (kid) => scoreOf(nodes[kid]) ?? -Infinity;
    return kids[id].toSorted((a, b) => worth(b) - worth(a));
  }

  /** Lists the rows that no fold hides. */
  lay() {
    this.rows = [];
    const left = [0];
    while (left.length) {
      const id = left.pop();
      this.rows.push(id);
      if (!this.folded.has(id)) left.push(...this.order(id).toReversed());
    }
    this.place = new Map(this.rows.map((id, at) => [id, at]));
    this.sizer.style.height = `${this.rows.length * ROW}px`;
    this.draw();
    this.drawMap();
  }

  draw() {
    if (!this.data) return;
    const first = Math.max(0, Math.floor(this.tree.scrollTop / ROW) - 10);
    const last = Math.min(this.rows.length, first + Math.ceil(this.tree.clientHeight / ROW) + 20);
    const rows = [];
    for (let at = first; at < last; at++) rows.push(this.row(this.rows[at], at));
    this.sizer.replaceChildren(...rows);
    this.tree.setAttribute("aria-activedescendant", this.name(this.picked));
  }

  name(id) {
    return `${this.tree.dataset.pane}-node-${id}`;
  }

  row(id, at) {
    const { data } = this;
    const node = data.nodes[id];
    const kids = data.kids[id].length > 0;
    const folded = this.folded.has(id);
    const kind = kindOf(node);
    const classes = ["row", kind, node.f];
    if (data.chosen.has(id)) classes.push("chosen");
    if (id === this.picked) classes.push("picked");
    if (this.found.has(id)) classes.push("hit");
    const marks = [];
    if (data.chosen.has(id) && !node.q) marks.push(["chosen", "◀"]);
    if (node.ok !== undefined) marks.push(node.ok ? ["right", "✓"] : ["wrong", "✗"]);
    if (node.f === "finished") marks.push(["end", "end"]);
    if (node.f === "pruned") marks.push(["end", `pruned, round ${node.z}`]);
    if (node.f === "cut") marks.push(["end", "cut"]);
    if (node.f === "left") marks.push(["end", "open"]);
    if (node.w) marks.push(["end", node.w]);
    const tokens = folded ? `${whole(data.count[id] - 1)} folded, ${whole(data.below[id])} tok` : node.q ? "" : `${whole(node.c[1])} tok`;
    const element = make("div", {
      class: classes.join(" "), role: "treeitem", id: this.name(id), "aria-level": data.indent[id] + 1,
      "aria-selected": id === this.picked ? "true" : "false", "aria-expanded": kids ? String(!folded) : undefined,
      on: { click: () => { this.choose(id); this.tree.focus(); }, dblclick: () => this.toggle(id) },
    },
      make("span", { class: "twist", on: { click: (event) => { event.stopPropagation(); this.toggle(id); } } },
        kids ? (folded ? "▸" : "▾") : "·"),
      kind === "step" ? null : make("span", { class: `kind ${kind}` }, kind),
      node.q ? null : chip(data, node),
      make("span", { class: "text" }, textOf(node).trim().replace(/\s+/g, " ").slice(0, 400) || "(nothing)"),
      marks.map(([name, text]) => make("span", { class: `mark ${name}` }, text)),
      make("span", { class: "tokens" }, tokens));
    element.style.top = `${at * ROW}px`;
    // Deep steps move in less and less, so that their texts keep their room.
    const deep = data.indent[id];
    element.style.paddingLeft = `${4 + 14 * Math.min(deep, 10) + 5 * Math.min(Math.max(deep - 10, 0), 40)}px`;
    return element;
  }

  /** All rows in a strip beside the tree, by their scores. */
  drawMap() {
    if (!this.data) return;
    const { width, height } = this.map.getBoundingClientRect();
    [this.map.width, this.map.height] = [Math.max(1, width), Math.max(1, height)];
    const ink = this.map.getContext("2d");
    const tall = Math.min(ROW, height / this.rows.length);
    this.rows.forEach((id, at) => {
      const node = this.data.nodes[id];
      const score = scoreOf(node);
      if (score !== undefined) {
        ink.fillStyle = css(colour(shareOf(score, scaleOf(this.data, node))));
        ink.fillRect(this.data.chosen.has(id) ? 2 : 5, at * tall, width, Math.max(1, tall - 0.5));
      }
      if (this.found.has(id)) { ink.fillStyle = "#e06000"; ink.fillRect(0, at * tall, 3, Math.max(2, tall)); }
    });
  }

  choose(id) {
    this.picked = id;
    this.reveal(id);
    this.pick(id);
  }

  /** Unfolds what hides a node, and brings it into sight. */
  reveal(id) {
    let hidden = false;
    for (let above = this.data.nodes[id].p; above !== undefined; above = this.data.nodes[above].p) {
      hidden = this.folded.delete(above) || hidden;
    }
    if (hidden) this.lay();
    const top = this.place.get(id) * ROW;
    const sight = this.tree.clientHeight;
    if (top < this.tree.scrollTop) this.tree.scrollTop = top;
    if (top + ROW > this.tree.scrollTop + sight) this.tree.scrollTop = top + ROW - sight;
    this.draw();
  }

  toggle(id) {
    if (!this.data.kids[id].length) return;
    if (!this.folded.delete(id)) this.folded.add(id);
    this.lay();
  }

  unfoldBelow(id) {
    const left = [id];
    while (left.length) {
      const next = left.pop();
      this.folded.delete(next);
      left.push(...this.data.kids[next]);
    }
    this.lay();
  }

  search(words) {
    const wanted = words.trim().toLowerCase();
    const holds = (node) => `${textOf(node)}\n${node.x ?? ""}`.toLowerCase().includes(wanted);
    this.hits = wanted ? this.data.nodes.flatMap((node, id) => (holds(node) ? [id] : [])) : [];
    this.found = new Set(this.hits);
    this.draw();
    this.drawMap();
  }

  /** The next place found, or the one before, from the present node on. */
  step(forth) {
    if (!this.hits.length) return;
    const next = forth ? this.hits.find((id) => id > this.picked) : this.hits.findLast((id) => id < this.picked);
    this.choose(next ?? (forth ? this.hits[0] : this.hits.at(-1)));
  }

  key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const at = this.place.get(this.picked) ?? 0;
    const page = Math.max(1, Math.floor(this.tree.clientHeight / ROW) - 1);
    const go = (place) => this.choose(this.rows[Math.min(Math.max(place, 0), this.rows.length - 1)]);
    const id = this.picked;
    const does = {
      ArrowDown: () => go(at + 1),
      ArrowUp: () => go(at - 1),
      PageDown: () => go(at + page),
      PageUp: () => go(at - page),
      Home: () => go(0),
      End: () => go(this.rows.length - 1),
      ArrowRight: () => (this.folded.has(id) ? this.toggle(id) : this.data.kids[id].length && this.choose(this.order(id)[0])),
      ArrowLeft: () => (this.data.kids[id].length && !this.folded.has(id) ? this.toggle(id) : id && this.choose(this.data.nodes[id].p)),
      Enter: () => this.toggle(id),
      " ": () => this.toggle(id),
      n: () => this.step(true),
      N: () => this.step(false),
      c: () => this.data.best !== null && this.choose(this.data.best),
      "*": () => this.unfoldBelow(id),
      s: () => { this.byScore = !this.byScore; this.lay(); this.reveal(id); },
    }[event.key];
    if (!does) return;
    event.preventDefault();
    does();
  }
}
