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
    if (!passed || id !== passed.id) link.removeAttribute("aria-current");
    else if (!link.hasAttribute("aria-current")) {
      link.setAttribute("aria-current", "true");
      const list = link.closest(".contents"), seen = list.clientHeight;
      const place = link.getBoundingClientRect().top - list.getBoundingClientRect().top;
      if (place < 0 || place > seen - 60) list.scrollTop += place - seen / 2;
    }
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
  const target = document.querySelector(":target");
  if (!target) return;
  for (let up = target; (up = up.parentElement?.closest("details"));) up.open = true;
  if (target.hidden) target.closest("table").bar?.reset();
  target.scrollIntoView();
};
addEventListener("hashchange", reveal);

// Figures: their data are in the link to them, packed; everything that is read out comes from there.
const unpack = async (link) => {
  const body = (await fetch(link.href)).body.pipeThrough(new DecompressionStream("gzip"));
  return new Response(body).text();
};
const cells = (line) => [...line.matchAll(/(?:^|,)(?:"((?:[^"]|"")*)"|([^,]*))/g)]
  .map(([, quoted, plain]) => quoted?.replaceAll('""', '"') ?? plain);
// From values of an axis to places in the drawing; names on an axis stand at places of their own.
const scale = ([low, high, kind], ticks, from, to) => {
  const names = ticks ? JSON.parse(ticks) : {};
  const f = kind === "log" ? Math.log10 : Number;
  return (text) => from + ((f(names[text] ?? text) - f(low)) / (f(high) - f(low))) * (to - from);
};
const least = (items, size) => items.reduce((a, b) => (size(b) < size(a) ? b : a));

class Reader {
  constructor(figure) {
    this.figure = figure;
    this.box = figure.querySelector(".scroll");
    const series = all(".series", figure).filter((element) => element.dataset.kind !== "seed");
    this.names = [...new Set(series.map((element) => element.dataset.series))];
    this.panels = all(".panel[data-x]", figure).map((element) => {
      const { box, panel, x, y, xTicks, yTicks } = element.dataset;
      const [x0, y0, x1, y1] = box.split(" ").map(Number);
      return { element, name: panel, x0, y0, x1, y1, flat: !!yTicks, points: {},
        x: scale(x.split(" "), xTicks, x0, x1), y: scale(y.split(" "), yTicks, y1, y0),
        series: new Map(all(".series", element).map((e) => [e.dataset.series, e])) };
    });
    this.readout = make("div", { className: "readout", hidden: true });
    this.readout.setAttribute("role", "status");
    this.box.append(this.readout);
  }
  async read() {
    const [, ...lines] = (await unpack(this.figure.querySelector("a.data"))).trim().split("\n");
    for (const [name, series, x, y] of lines.map(cells)) {
      const panel = this.panels.find((each) => each.name === name);
      if (!panel || !this.names.includes(series)) continue;
      const [label, text] = panel.flat ? [y, x] : [x, y];
      const [at, across] = panel.flat ? [panel.y(y), panel.x(x)] : [panel.x(x), panel.y(y)];
      if (x && y && isFinite(at) && isFinite(across)) (panel.points[series] ??= []).push({ label, text, at, across });
    }
  }
  load() { return (this.loaded ??= this.read()); }
  // The series of a panel that are to be seen, each with its point nearest to a place.
  nearest(panel, place) {
    const hidden = this.figure.classList.contains("no-train");
    return this.names.filter((name) => panel.points[name] && panel.series.has(name)
      && !(hidden && panel.series.get(name).dataset.kind === "train"))
      .map((name) => ({ name, ...least(panel.points[name], (point) => Math.abs(point.at - place)) }));
  }
  show(panel, place) {
    const found = this.nearest(panel, place);
    if (!found.length) return this.hide();
    const { at, label } = least(found, (point) => Math.abs(point.at - place));
    const rows = found.filter((point) => Math.abs(point.at - at) < 0.5).map(({ name, text }) => {
      const drawn = panel.series.get(name);
      const swatch = make("i"), line = drawn.querySelector('[stroke]:not([stroke="none"])') || drawn;
      swatch.style.background = getComputedStyle(line).stroke;
      return make("div", {}, swatch, name, " ", make("span", {}, text));
    });
    this.readout.replaceChildren(make("b", {}, `${panel.name}, ${label}`), ...rows);
    this.readout.hidden = false;
    this.at = { panel, place: at };
    this.mark(panel, at);
  }
  // A line through the panel at a place, and the read-out beside it.
  mark(panel, at) {
    const ends = panel.flat ? { x1: panel.x0, x2: panel.x1, y1: at, y2: at } : { x1: at, x2: at, y1: panel.y0, y2: panel.y1 };
    this.cursor?.remove();
    this.cursor = document.createElementNS("http://www.w3.org/2000/svg", "line");
    for (const [key, value] of Object.entries({ ...ends, class: "cursor" })) this.cursor.setAttribute(key, value);
    panel.element.append(this.cursor);
    const frame = this.box.getBoundingClientRect(), shift = this.box.scrollLeft;
    const corner = new DOMPoint(ends.x2, ends.y1).matrixTransform(panel.element.ownerSVGElement.getScreenCTM());
    const left = corner.x - frame.left + shift, width = this.readout.offsetWidth;
    const turned = left + 12 + width > shift + frame.width;
    this.readout.style.left = `${Math.max(0, turned ? left - 12 - width : left + 12)}px`;
    this.readout.style.top = `${Math.max(0, corner.y - frame.top + (panel.flat ? 6 : 0))}px`;
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
    const svg = event.target.closest?.("svg"), matrix = svg?.getScreenCTM()?.inverse();
    if (!matrix) return null;
    const { x, y } = new DOMPoint(event.clientX, event.clientY).matrixTransform(matrix);
    const panel = this.panels.find((p) => p.element.ownerSVGElement === svg
      && x >= p.x0 - 2 && x <= p.x1 + 2 && y >= p.y0 - 2 && y <= p.y1 + 2);
    return panel && (panel.flat ? { panel, place: y, across: x } : { panel, place: x, across: y });
  }
  async move(event) {
    const over = this.under(event);
    await this.load();
    if (over) this.show(over.panel, over.place); else this.hide();
  }
  async press(event) {
    const over = this.under(event);
    let name = event.target.closest(".label, .series")?.dataset.series.replace(/, seed .*/, "");
    await this.load();
    if (!name && over) {
      const near = this.nearest(over.panel, over.place).filter((p) => Math.abs(p.across - over.across) < 15);
      if (near.length) name = least(near, (point) => Math.abs(point.across - over.across)).name;
    }
    this.isolate(name === this.figure.dataset.isolated ? null : name);
  }
  async key(event) {
    const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key], turn = { ArrowUp: -1, ArrowDown: 1 }[event.key];
    if (event.key === "Escape") { this.hide(); this.isolate(null); }
    if (!step && !turn) return;
    event.preventDefault();
    await this.load();
    if (turn) {
      const ring = [null, ...this.names], now = ring.indexOf(this.figure.dataset.isolated ?? null);
      this.isolate(ring[(now + turn + ring.length) % ring.length]);
    } else this.step(step);
  }
  // To the next place that has a value; past the end of a panel, on to the next panel.
  step(by) {
    const panels = this.panels.filter((panel) => this.nearest(panel, 0).length);
    if (!panels.length) return;
    const places = (panel) => this.nearest(panel, 0).flatMap(({ name }) => panel.points[name].map((p) => p.at)).sort((a, b) => a - b);
    let panel = this.at?.panel ?? panels[0], stops = places(panel), next = stops[0];
    if (this.at) next = by > 0 ? stops.find((p) => p > this.at.place + 0.5) : stops.findLast((p) => p < this.at.place - 0.5);
    if (next === undefined) {
      panel = panels[(panels.indexOf(panel) + by + panels.length) % panels.length];
      stops = places(panel);
      next = stops.at(by > 0 ? 0 : -1);
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
if (location.hash) reveal();
performance.mark("ready");
})();
