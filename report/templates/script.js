// What a reader can do with figures and tables. Without it, all of them are there, at rest.
"use strict";
(() => {
const all = (selector, within = document) => [...within.querySelectorAll(selector)];
const make = (tag, properties, ...children) => {
  const element = Object.assign(document.createElement(tag), properties);
  element.append(...children);
  return element;
};
const pressed = (button, state) => button.setAttribute("aria-pressed", state);

// Theme: as the system has it, dark, or light.
const theme = document.getElementById("theme"), root = document.documentElement;
const showTheme = () => { theme.textContent = `Theme: ${root.dataset.theme || "auto"}`; };
theme.hidden = false;
theme.onclick = () => {
  root.dataset.theme = { "": "dark", dark: "light", light: "" }[root.dataset.theme || ""];
  try { localStorage.theme = root.dataset.theme; } catch { /* not allowed: until the page is left */ }
  showTheme();
};
showTheme();

// Contents: mark the section that is being read.
const links = new Map(all(".contents a").map((link) => [link.hash.slice(1), link]));
const headings = all("main :is(h2, h3)[id]");
let waiting = false;
const markCurrent = () => {
  waiting = false;
  const passed = headings.filter((heading) => heading.getBoundingClientRect().top < 120).pop();
  for (const [id, link] of links) {
    if (passed && id === passed.id) link.setAttribute("aria-current", "true");
    else link.removeAttribute("aria-current");
  }
};
addEventListener("scroll", () => {
  if (!waiting) requestAnimationFrame(markCurrent);
  waiting = true;
}, { passive: true });

// Tables: sort by a column; the third press gives the first order back.
const NUMBER = /[-−+]?\d[\d,]*\.?\d*(?:e[-−+]?\d+)?/i;
const valueOf = (cell) => {
  if (cell.dataset.v) return Number(cell.dataset.v);
  const found = cell.firstChild && cell.firstChild.textContent.match(NUMBER);
  return found ? Number(found[0].replace(/,/g, "").replace(/−/g, "-")) : NaN;
};
const compare = (numeric, column, sign) => (a, b) => {
  const [x, y] = [a.cells[column], b.cells[column]];
  if (!numeric) return sign * x.textContent.localeCompare(y.textContent, "en", { numeric: true });
  const [left, right] = [valueOf(x), valueOf(y)]; // what has no value stands last, either way
  return isNaN(left) || isNaN(right) ? isNaN(left) - isNaN(right) : sign * (left - right);
};
const sort = (table, head) => {
  const order = { none: "ascending", ascending: "descending", descending: "none" };
  const next = order[head.getAttribute("aria-sort") || "none"];
  const body = table.tBodies[0];
  table.first ??= [...body.rows];
  const rows = [...table.first];
  const sign = next === "descending" ? -1 : 1;
  if (next !== "none") rows.sort(compare(head.classList.contains("n"), head.cellIndex, sign));
  all("th[aria-sort]", table).forEach((other) => other.removeAttribute("aria-sort"));
  if (next !== "none") head.setAttribute("aria-sort", next);
  body.append(...rows);
};
for (const table of all("table.sortable")) {
  for (const head of table.tHead.rows[0].cells) {
    const button = make("button", { type: "button" }, ...head.childNodes);
    button.onclick = () => sort(table, head);
    head.append(button);
  }
}

// Tables: filter rows by words and by verdict; tables of one group share a filter.
const groups = Map.groupBy ? Map.groupBy(all("table[data-filter]"), (t) => t.dataset.filter) : new Map();
for (const [name, tables] of groups) {
  const rows = tables.flatMap((table) => [...table.tBodies[0].rows]);
  const texts = rows.map((row) => row.textContent.toLowerCase());
  const words = [...new Set(rows.map((row) => row.dataset.verdict).filter(Boolean))];
  const input = make("input", { type: "search", id: `filter-${name}` });
  const told = make("output", { ariaLive: "polite" });
  const chosen = new Set();
  const apply = () => {
    const wanted = input.value.toLowerCase().split(/\s+/).filter(Boolean);
    let shown = 0;
    rows.forEach((row, k) => {
      const fits = wanted.every((word) => texts[k].includes(word));
      row.hidden = !(fits && (!chosen.size || chosen.has(row.dataset.verdict)));
      shown += !row.hidden;
    });
    told.value = shown < rows.length ? `${shown} of ${rows.length} rows` : `${rows.length} rows`;
  };
  const buttons = words.map((word) => {
    const button = make("button", { type: "button" }, word);
    pressed(button, false);
    button.onclick = () => {
      pressed(button, chosen.has(word) ? !chosen.delete(word) : !!chosen.add(word));
      apply();
    };
    return button;
  });
  input.oninput = apply;
  const label = make("label", { htmlFor: input.id }, "Filter the rows");
  const bar = make("div", { className: "filter", role: "group", ariaLabel: `Filter: ${name}` });
  bar.append(label, input, ...buttons, told);
  tables[0].closest(".scroll").before(bar);
  bar.reset = () => {
    input.value = "";
    chosen.clear();
    buttons.forEach((button) => pressed(button, false));
    apply();
  };
  tables.forEach((table) => { table.bar = bar; });
  apply();
}

// A link to what is folded away or filtered out brings it back.
const reveal = () => {
  const target = document.getElementById(decodeURIComponent(location.hash.slice(1)));
  if (!target) return;
  for (let up = target; (up = up.parentElement?.closest("details"));) up.open = true;
  if (target.hidden) target.closest("table").bar?.reset();
  target.scrollIntoView();
};
addEventListener("hashchange", reveal);
if (location.hash) reveal();

// Figures: their data are in the link to them, packed; everything that is read out comes from there.
const unpack = async (link) => {
  const body = (await fetch(link.href)).body.pipeThrough(new DecompressionStream("gzip"));
  return new Response(body).text();
};
const cells = (line) => [...line.matchAll(/(?:^|,)(?:"((?:[^"]|"")*)"|([^,]*))/g)]
  .map(([, quoted, plain]) => quoted?.replaceAll('""', '"') ?? plain);
const read = async (figure) => {
  const panels = {};
  const [, ...lines] = (await unpack(figure.querySelector("a.data"))).trim().split("\n");
  for (const [panel, series, x, y] of lines.map(cells)) {
    ((panels[panel] ??= {})[series] ??= []).push([x, Number(x), Number(y), y]);
  }
  return panels;
};
const numbers = (text) => text.split(" ").map(Number);
const scale = (given, [from, to]) => {
  const [low, high, kind] = given.split(" ");
  const f = kind === "log" ? Math.log10 : Number;
  const [a, b] = [f(low), f(high)];
  return { at: (v) => from + ((f(v) - a) / (b - a)) * (to - from), share: (p) => (p - from) / (to - from) };
};
class Reader {
  constructor(figure) {
    this.figure = figure;
    this.box = figure.querySelector(".scroll");
    this.panels = all(".panel[data-x]", figure).map((element) => {
      const [x0, y0, x1, y1] = numbers(element.dataset.box);
      const series = all(".series", element).map((s) => s.dataset.series);
      return { element, x0, y0, x1, y1, name: element.dataset.panel, series: new Set(series),
        x: scale(element.dataset.x, [x0, x1]), y: scale(element.dataset.y, [y1, y0]) };
    });
    this.names = [...new Set(all(".series", figure).filter((s) => s.dataset.kind !== "seed").map((s) => s.dataset.series))];
    this.readout = make("div", { className: "readout", hidden: true });
    this.readout.setAttribute("role", "status");
    this.box.append(this.readout);
  }
  async load() { return (this.data ??= await read(this.figure)); }
  drawn(panel) {
    const kinds = new Map(all(".series", panel.element).map((s) => [s.dataset.series, s]));
    const hidden = this.figure.classList.contains("no-train");
    return this.names.filter((name) => panel.series.has(name) && this.data[panel.name]?.[name]
      && !(hidden && kinds.get(name).dataset.kind === "train")).map((name) => [name, kinds.get(name), this.data[panel.name][name]]);
  }
  // The values of all series of a panel nearest to a place along x, in the units of the drawing.
  nearest(panel, place) {
    return this.drawn(panel).map(([name, element, points]) => {
      let best = points[0];
      for (const point of points) if (Math.abs(panel.x.at(point[1]) - place) < Math.abs(panel.x.at(best[1]) - place)) best = point;
      return { name, element, point: best, away: Math.abs(panel.x.at(best[1]) - place) };
    });
  }
  show(panel, place) {
    const found = this.nearest(panel, place);
    if (!found.length) return this.hide();
    const nearest = found.reduce((a, b) => (b.away < a.away ? b : a)).point;
    const x = panel.x.at(nearest[1]);
    const here = found.filter((f) => Math.abs(panel.x.at(f.point[1]) - x) < 0.5 && !isNaN(f.point[2]));
    this.at = { panel, x };
    const rows = here.map(({ name, element, point }) => {
      const line = element.querySelector("[stroke]:not([stroke=none])") || element;
      const swatch = make("i");
      swatch.style.background = getComputedStyle(line).stroke;
      const row = make("div", {}, swatch, name, " ", make("span", {}, point[3]));
      row.dataset.series = name;
      return row;
    });
    this.readout.replaceChildren(make("b", {}, `${panel.name}, ${nearest[0]}`), ...rows);
    this.readout.hidden = false;
    this.cursor?.remove();
    this.cursor = document.createElementNS("http://www.w3.org/2000/svg", "line");
    for (const [key, value] of Object.entries({ x1: x, x2: x, y1: panel.y0, y2: panel.y1, class: "cursor" })) this.cursor.setAttribute(key, value);
    panel.element.append(this.cursor);
    this.place(panel, x);
  }
  place(panel, x) {
    const svg = panel.element.ownerSVGElement, to = svg.getScreenCTM(), frame = this.box.getBoundingClientRect();
    const left = new DOMPoint(x, panel.y0).matrixTransform(to);
    const inside = left.x - frame.left + this.box.scrollLeft, width = this.readout.offsetWidth;
    const turned = inside + 12 + width > this.box.scrollLeft + frame.width;
    this.readout.style.left = `${Math.max(0, turned ? inside - 12 - width : inside + 12)}px`;
    this.readout.style.top = `${left.y - frame.top}px`;
  }
  hide() {
    this.readout.hidden = true;
    this.cursor?.remove();
    this.at = null;
  }
  isolate(name) {
    if (name) this.figure.dataset.isolated = name; else delete this.figure.dataset.isolated;
    for (const element of all(".series, .label", this.figure)) {
      const own = element.dataset.series;
      element.classList.toggle("dim", !!name && own !== name && !own.startsWith(`${name}, `));
    }
  }
  under(event) {
    const svg = event.target.closest?.("svg");
    const matrix = svg?.getScreenCTM()?.inverse();
    if (!matrix) return null;
    const { x, y } = new DOMPoint(event.clientX, event.clientY).matrixTransform(matrix);
    const panel = this.panels.find((p) => p.element.ownerSVGElement === svg && x >= p.x0 - 2 && x <= p.x1 + 2 && y >= p.y0 && y <= p.y1);
    return panel && { panel, x, y };
  }
  async move(event) {
    const over = this.under(event);
    if (!over) return this.hide();
    await this.load();
    this.show(over.panel, over.x);
  }
  async press(event) {
    const label = event.target.closest(".label, .series")?.dataset.series;
    const over = this.under(event);
    await this.load();
    let name = label?.replace(/, seed .*/, "");
    if (!name && over) {
      const near = this.nearest(over.panel, over.x).map((f) => [Math.abs(over.panel.y.at(f.point[2]) - over.y), f.name]).sort((a, b) => a[0] - b[0])[0];
      if (near && near[0] < 15) name = near[1];
    }
    this.isolate(name === this.figure.dataset.isolated ? null : name);
  }
  async key(event) {
    const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key], turn = { ArrowUp: -1, ArrowDown: 1 }[event.key];
    if (event.key === "Escape") { this.hide(); this.isolate(null); return; }
    if (!step && !turn) return;
    event.preventDefault();
    await this.load();
    if (turn) {
      const ring = [null, ...this.names], now = ring.indexOf(this.figure.dataset.isolated ?? null);
      return this.isolate(ring[(now + turn + ring.length) % ring.length]);
    }
    const readable = this.panels.filter((panel) => this.drawn(panel).length);
    if (!readable.length) return;
    const stops = (panel) => [...new Set(this.drawn(panel).flatMap(([, , points]) => points.map((p) => panel.x.at(p[1]))))].sort((a, b) => a - b);
    let panel = this.at?.panel ?? readable[0], places = stops(panel);
    let next = this.at ? (step > 0 ? places.find((p) => p > this.at.x + 0.01) : places.findLast((p) => p < this.at.x - 0.01)) : places[0];
    if (next === undefined) { // past the end of this panel: on to the next one
      panel = readable[(readable.indexOf(panel) + step + readable.length) % readable.length];
      places = stops(panel);
      next = step > 0 ? places[0] : places.at(-1);
    }
    this.show(panel, next);
  }
}
for (const figure of all("figure:has(.panel[data-x])")) {
  let reader;
  const use = () => (reader ??= new Reader(figure));
  const box = figure.querySelector(".scroll");
  box.addEventListener("pointermove", (event) => use().move(event));
  box.addEventListener("pointerleave", () => use().hide());
  box.addEventListener("click", (event) => use().press(event));
  box.addEventListener("keydown", (event) => use().key(event));
  box.addEventListener("blur", () => use().hide());
  const tools = make("div", { className: "tools" });
  if (figure.querySelector('[data-kind="train"]')) {
    const button = make("button", { type: "button" }, "Hide training");
    pressed(button, false);
    button.onclick = () => { pressed(button, figure.classList.toggle("no-train")); };
    tools.append(button);
  }
  tools.append(make("span", {}, "Point at a curve to read it, click to single it out; by keyboard: ← → and ↑ ↓, Esc."));
  box.after(tools);
}

// The data of a figure as plain CSV; without JavaScript the link gives them packed.
for (const link of all("a.data")) {
  link.onclick = async (event) => {
    event.preventDefault();
    const url = URL.createObjectURL(new Blob([await unpack(link)], { type: "text/csv" }));
    make("a", { href: url, download: link.download.replace(/\.gz$/, "") }).click();
    setTimeout(() => URL.revokeObjectURL(url), 10000);
  };
}
performance.mark("ready");
})();
