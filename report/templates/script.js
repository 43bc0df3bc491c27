// What readers can do with figures and tables, which are there without it.
"use strict";
const all = (selector, within = document) => [...within.querySelectorAll(selector)];
const make = (tag, properties, ...children) => {
  const element = Object.assign(document.createElement(tag), properties);
  element.append(...children);
  return element;
};
const makeButton = (onclick, ...children) => make("button", { type: "button", onclick }, ...children);

// Theme: as the system has it, dark, or light.
const theme = document.getElementById("theme"), root = document.documentElement;
const showTheme = () => { theme.textContent = `Theme: ${root.dataset.theme || "auto"}`; };
theme.hidden = false;
theme.onclick = () => {
  root.dataset.theme = { "": "dark", dark: "light", light: "" }[root.dataset.theme || ""];
  try { localStorage.theme = root.dataset.theme; } catch { /* not allowed */ }
  showTheme();
};
showTheme();

// Contents: mark the section that is being read.
const links = all(".contents a"), headings = all("main :is(h2, h3)[id]");
const markCurrent = () => {
  const passed = headings.findLast((it) => it.checkVisibility() && it.getBoundingClientRect().top < 120);
  for (const link of links) {
    const isCurrent = link.hash.slice(1) === passed?.id, list = link.closest(".contents");
    if (isCurrent && !link.ariaCurrent) list.scrollTop = link.offsetTop - list.clientHeight / 2;
    link.ariaCurrent = isCurrent || null;
  }
};
addEventListener("scroll", () => requestAnimationFrame(markCurrent), { passive: true });

// Tables: sort by a column, up or down.
const NUMBER = /[-−+±]?\d[\d,]*\.?\d*(?:e[-−+]?\d+)?/i;
const toNumber = (text) => Number(text.replace(/[,±%]/g, "").replace(/−/g, "-"));
const valueOf = ({ dataset, firstChild }) => toNumber(dataset.v ?? firstChild?.textContent.match(NUMBER)?.[0] ?? "none");
const padded = ({ textContent }) => textContent.replace(/\.\d+/g, (it) => it.padEnd(9, 0)); // 0.5 after 0.25
const sort = (table, head) => {
  const sign = head.ariaSort === "ascending" ? -1 : 1, [body] = table.tBodies;
  const compare = (one, other) => {
    const [a, b] = [one, other].map(({ cells }) => cells[head.cellIndex]), [x, y] = [a, b].map(valueOf);
    if (!head.matches(".n")) return sign * padded(a).localeCompare(padded(b), "en", { numeric: true });
    return isNaN(x) || isNaN(y) ? isNaN(x) - isNaN(y) : sign * (x - y); // no value: last, either way
  };
  for (const other of head.parentNode.cells) other.ariaSort = null;
  head.ariaSort = sign > 0 ? "ascending" : "descending";
  body.append(...[...body.rows].sort(compare));
};
for (const head of all("table.sortable thead th"))
  head.append(makeButton(() => sort(head.closest("table"), head), ...head.childNodes));

// Tables: show only rows with this verdict; tables of one group share the choice.
for (const group of new Set(all("table[data-filter]").map((table) => table.dataset.filter))) {
  const rows = all(`table[data-filter="${group}"] tbody tr`), words = new Set(rows.flatMap((row) => row.dataset.verdict ?? []));
  const choice = make("select", {}, new Option("all verdicts", ""), ...[...words].map((word) => new Option(word)));
  choice.onchange = () => { for (const row of rows) row.hidden = choice.value && choice.value !== row.dataset.verdict; };
  if (words.size > 1) rows[0].closest(".scroll").before(make("label", { className: "filter" }, "Show ", choice));
}

// A link to what is hidden brings it back.
const unfold = (target) => {
  for (let up = target; (up = up.parentElement?.closest("details"));) up.open = true;
  target.hidden = false;
  target.scrollIntoView();
};
const reveal = () => { all(":target").forEach(unfold); };
addEventListener("hashchange", reveal);

// Downloads: a table as it is shown, a figure's data from its link.
const save = (download, ...parts) =>
  make("a", { download, href: URL.createObjectURL(new Blob(parts, { type: "text/csv" })) }).click();
const tidy = (text) => text.replace(/\s+/g, " ").trim();
const isNumber = (text) => /\d/.test(text) && /^ ?%?$/.test(text.replace(NUMBER, ""));
// The parts of a cell: its value, and the small print, in which ranges have two ends.
const partsOf = (cell) => {
  const rest = cell?.cloneNode(true) ?? make("td");
  for (const sign of all("[aria-hidden]", rest)) sign.remove();
  const small = all(".range, .interval, .verdict", rest).map((part) => (part.remove(), tidy(part.textContent)));
  const value = rest.dataset.v ?? tidy(rest.textContent);
  return [...value || !small.length ? [value] : [], ...small.flatMap((it) => it.match(/^\(?(\S+) to (\S+?)\)?$/)?.slice(1) ?? it)];
};
// Numbers are numbers in columns of numbers, beside a value, and if all first cells are numbers.
const columnsOf = (table) => {
  const [heads, ...rows] = [...table.rows].filter((row) => !row.hidden).map(({ cells }) => [...cells]);
  return heads.flatMap((head, c) => {
    const cells = rows.map((row) => partsOf(row[c])), [title, ...more] = partsOf(head);
    const numeric = head.matches(".n") || (!c && cells.every(([text]) => isNumber(text)));
    return [...Array(Math.max(1, ...cells.map(({ length }) => length))).keys()].map((k) => {
      const parts = cells.map(({ [k]: text = "" }) => isNumber(text) && (k || numeric || /^[−+]/.test(text)) ? toNumber(text) : text);
      return [k ? `${title} (${more[k - 1] ?? (parts.every((it) => it >= 0 || it < 0) ? k % 2 ? "from" : "to" : k + 1)})` : title, ...parts];
    });
  });
};
// In a spreadsheet, a text must not turn into a formula, a number, a date, or a time.
const RISKY = /^([=+@-]|\d[\d\s.,:/%+-]*(e?[\d+-]*|[ap]m?)$|(?=.*\d)[\d. /-]*(jan|feb|m(a|ä|)r|apr|ma[iy]|jun|jul|aug|sep|o[ck]t|nov|de[cz])[a-zä]*[\d. /-]*$)/i;
const toCsv = (columns, separator, point) => columns[0].map((_, row) => columns.map(({ [row]: cell }) =>
  typeof cell === "number" ? String(cell).replace(".", point)
    : `"${point === "," && RISKY.test(cell) ? "'" : ""}${cell.replaceAll('"', '""')}"`).join(separator) + "\r\n");
for (const table of all(".scroll > table")) {
  const box = table.parentNode, name = (box.id || box.getAttribute("aria-labelledby")).replace("tab-", "");
  box.after(make("div", { className: "tools" },
    makeButton(() => save(`${name}.csv`, ...toCsv(columnsOf(table), ",", ".")), "CSV"),
    makeButton(() => save(`${name}-excel.csv`, "\ufeff", ...toCsv(columnsOf(table), ";", ",")), "CSV for Excel with decimal commas")));
}
const unpack = async ({ href }) => {
  const { body } = await fetch(href);
  return new Response(body.pipeThrough(new DecompressionStream("gzip"))).text();
};
for (const link of all("a.data")) link.onclick = async (event) => {
  event.preventDefault();
  save(link.download.replace(".gz", ""), await unpack(link));
};

// Figures: what is read out comes from their data.
const cellsOf = (line) => [...line.matchAll(/(?:^|,)(?:"((?:[^"]|"")*)"|([^,]*))/g)]
  .map(([, quoted, plain]) => quoted?.replaceAll('""', '"') ?? plain);
const least = (items, size) => items.reduce((a, b) => (size(b) < size(a) ? b : a), items[0]);
// An axis between two places in the drawing; names on it stand at places of their own.
const axisOf = (range, ticks, unit, from, to) => {
  const [low, high, kind] = range.split(" "), names = JSON.parse(ticks ?? "{}"), f = kind === "log" ? Math.log10 : Number;
  return {
    at: (text) => from + (f(names[text] ?? text) - f(low)) / (f(high) - f(low)) * (to - from),
    show(text, value = Number(text), size = Math.abs(value)) {
      if (isNaN(value)) return text;
      const shown = unit === "percent" ? `${(100 * value).toFixed(1)} %` : unit === "loss" ? value.toFixed(size < 100 ? 3 : 0)
        : size < 1e4 ? String(+value.toPrecision(4)) : value.toLocaleString("en");
      return shown.replaceAll("-", "−");
    },
  };
};
for (const figure of all("figure:has(.panel[data-x])")) {
  const box = figure.querySelector(".scroll"), readout = make("div", { className: "readout", role: "status", hidden: true });
  const series = all(".series:not([data-kind=seed])", figure), names = [...new Set(series.map(({ dataset }) => dataset.series))];
  const panels = all(".panel[data-x]", figure).map((element) => {
    const { box, panel: name, x, y, xTicks, yTicks, xName = "", xUnit, yUnit } = element.dataset;
    const [x0, y0, x1, y1] = box.split(" ").map(Number);
    const axes = [axisOf(x, xTicks, xUnit, x0, x1), axisOf(y, yTicks, yUnit, y1, y0)];
    return { element, name, x0, y0, x1, y1, flat: !!yTicks, xName, axes, points: [] };
  });
  let loading, stops, now, cursor, single;
  box.append(readout);

  const load = () => loading ??= unpack(figure.querySelector("a.data")).then((text) => {
    for (const [name, series, ...values] of text.trim().split("\n").slice(1).map(cellsOf)) {
      const panel = panels.find((it) => it.name === name);
      if (!panel || !names.includes(series) || !values[0] || !values[1]) continue;
      const [x, y] = panel.axes.map((axis, k) => ({ at: axis.at(values[k]), text: axis.show(values[k]) }));
      const [along, across] = panel.flat ? [y, x] : [x, y]; // names at the side are read down the side
      const label = panel.flat || isNaN(values[0]) ? along.text : `${panel.xName} ${x.text}`;
      if (isFinite(x.at + y.at)) panel.points.push({ series, at: along.at, across: across.at, label, text: across.text });
    }
    stops = panels.flatMap((panel) => panel.points.map(({ at }) => ({ panel, at })).sort((a, b) => a.at - b.at))
      .filter(({ panel, at }, i, all) => panel !== all[i - 1]?.panel || at - all[i - 1].at > 0.5);
  });
  const hide = () => {
    readout.hidden = true;
    cursor?.remove();
    now = null;
  };
  // The values of all series at the nearest place, and a line through them.
  const readAt = (panel, place) => {
    hide();
    const nearest = least(panel.points, (it) => Math.abs(it.at - place));
    if (!nearest) return;
    const { at, label } = now = { panel, ...nearest };
    const here = names.flatMap((name) => panel.points.find((it) => it.series === name && Math.abs(it.at - at) < 0.5) ?? []);
    readout.replaceChildren(panels.length > 1 ? panel.name : "", make("b", {}, label), ...here.map(({ series: name, text }) => {
      const drawn = series.find((it) => it.dataset.series === name && panel.element.contains(it)), swatch = make("i");
      swatch.style.background = getComputedStyle(drawn.querySelector('[stroke]:not([stroke="none"])') ?? drawn).stroke;
      return make("div", {}, swatch, name, " ", make("span", {}, text));
    }));
    readout.hidden = false;
    cursor = document.createElementNS("http://www.w3.org/2000/svg", "path");
    cursor.setAttribute("class", "cursor");
    cursor.setAttribute("d", panel.flat ? `M${panel.x0} ${at}H${panel.x1}` : `M${at} ${panel.y0}V${panel.y1}`);
    panel.element.append(cursor);
    const frame = box.getBoundingClientRect(), line = cursor.getBoundingClientRect(), width = readout.offsetWidth + 12;
    const left = (line.right + width > frame.right ? line.left - width : line.right + 12) - frame.left;
    readout.style.left = `${Math.max(0, left) + box.scrollLeft}px`;
    readout.style.top = `${Math.max(0, line.top - frame.top + 6)}px`;
  };
  const isolate = (name) => {
    single = name === single ? null : name;
    for (const element of all(".series, .label", figure))
      element.classList.toggle("dim", !!single && !`${element.dataset.series}, `.startsWith(`${single}, `));
  };
  const under = ({ clientX, clientY }) => {
    for (const panel of panels) {
      const { x, y } = new DOMPoint(clientX, clientY).matrixTransform(panel.element.getScreenCTM().inverse());
      if (x > panel.x0 - 2 && x < panel.x1 + 2 && y > panel.y0 - 2 && y < panel.y1 + 2)
        return panel.flat ? { panel, place: y, across: x } : { panel, place: x, across: y };
    }
  };
  // To the next value; past the end of a panel, on to the next panel.
  const step = (by) => {
    const place = now ? stops.findIndex(({ panel, at }) => panel === now.panel && Math.abs(at - now.at) < 0.5) + by : 0;
    if (stops.length) readAt(stops.at(place % stops.length).panel, stops.at(place % stops.length).at);
  };
  box.onpointermove = async (event) => {
    const over = under(event);
    await load();
    if (over) readAt(over.panel, over.place); else hide();
  };
  box.onclick = async (event) => {
    const over = under(event), named = event.target.closest(".label, .series")?.dataset.series.replace(/, seed .*/, "");
    await load();
    const away = ({ at, across }) => Math.hypot(at - over.place, across - over.across);
    isolate(named ?? (over && [least(over.panel.points, away)].find((it) => it && away(it) < 15)?.series));
  };
  box.onkeydown = async (event) => {
    const by = { ArrowLeft: -1, ArrowRight: 1 }[event.key], turn = { ArrowUp: -1, ArrowDown: 1 }[event.key];
    if (event.key === "Escape") { hide(); isolate(); }
    if (by || turn) event.preventDefault();
    if (turn) isolate(names.at((names.indexOf(single) + (single ? turn : turn > 0)) % names.length));
    if (by) { await load(); step(by); }
  };
  box.onpointerleave = box.onblur = hide;
  box.after(make("div", { className: "tools" },
    make("span", {}, "Point at a curve to read it, click it to single it out; by keyboard: ← → and ↑ ↓, Esc.")));
}
if (location.hash) reveal();
performance.mark("ready");
