// The explorer of all runs: what is chosen is drawn from the numbers that the page carries.
// Data become texts and attributes, never markup.  Metrics: 0 accuracy, 1 loss; splits: 0 training,
// 1 held out; `final` and `numbers` have both metrics of training, validation, test, and the gap.
(async () => {
const $ = (id) => document.getElementById("x-" + id);
const { body } = await fetch($("data").href);
const data = await new Response(body.pipeThrough(new DecompressionStream("gzip"))).json();
const boxes = [...$("list").querySelectorAll("input")];
const slider = $("epoch");
const slots = ["", "", "", ""]; // a model keeps its slot, and so its hue, while it is chosen
const cursors = [];
let models, epochs;

const add = (parent, tag, attributes, text) => {
  const node = document.createElementNS(parent.namespaceURI, tag);
  for (const key in attributes) node.setAttribute(key, attributes[key]);
  node.textContent = text;
  parent.append(node);
  return node;
};
const write = (number, m) => number == null ? "–" : // rounded as by hand, as everywhere in the report
  ((m ? 1 : 100) * number + 1e-9 * Math.sign(number)).toFixed(m ? 3 : 2);
const signed = (text) => (text > 0 ? "+" : "") + text.replace("-", text < 0 ? "−" : "");
// A row of a table for each model; a cell is a list of texts, of which all but one are small.
const fill = (id, cells) => {
  $(id).replaceChildren();
  for (const model of models) {
    const row = add($(id), "tr");
    cells(model).forEach(([text, ...small], c) => {
      const cell = add(row, ...(c ? ["td", { class: "n" }] : ["th", { scope: "row", class: "hue", style: model.style }]), text);
      for (const more of small) add(cell, "span", { class: "range" }, more);
    });
  }
};

const chart = (id, m) => {
  const svg = $(id), width = svg.clientWidth, log = $("log").checked;
  const label = ({ name }) => name.slice(0, width / 22);
  const right = width - 12 - 7.6 * Math.max(...models.map((model) => label(model).length), 0);
  const last = Math.max(...models.map((model) => model.last), 1);
  const lines = [0, 1].flatMap((split) => $("split" + split).checked ? models.map((model) =>
    ({ model, split, values: model.mean[split][m] })) : []).filter(({ values }) => values[0] >= 0);
  // As in the figures, the first steep part of a curve does not count for the height.
  const heights = lines.flatMap(({ model, values }) => [model.numbers[4 + m] ?? values.at(-1),
    ...values.filter((_, i) => model.grid[i] >= (log || model.last / 10))]);
  const low = Math.min(...heights), span = Math.max(...heights) - low || 0.1;
  const x = (epoch) => 46 + (right - 46) * (log ? Math.log1p(epoch) / Math.log1p(last) : epoch / last);
  const y = (number) => 228 - 210 * (number - low) / span;
  const ticks = (from, span) => {
    const power = 10 ** Math.floor(Math.log10(span / 5));
    const step = power * [1, 2, 5, 10].find((k) => k * power >= span / 5);
    return [0, 1, 2, 3, 4, 5].map((k) => (Math.ceil(from / step) + k) * step).filter((tick) => tick <= from + span);
  };
  const text = (x, y, kind, text, style) => add(svg, "text", { x, y, class: kind, style }, text);
  svg.replaceChildren();
  for (const tick of ticks(low, span)) {
    add(svg, "path", { d: `M46 ${y(tick)}H` + right });
    text(40, y(tick) + 4, "end", m ? +tick.toFixed(6) : +(100 * tick).toFixed(4) + " %");
  }
  for (const tick of log ? [0, 1, 10, 100, 1000] : ticks(0, last))
    if (tick <= last) text(x(tick), 256, "middle", tick);
  text(right, 272, "end", "epoch");
  const cursor = add(svg, "path", { d: "M0 8V240", style: "--hue:var(--soft)" });
  cursors[m] = (epoch) => cursor.setAttribute("transform", `translate(${x(epoch)})`);
  const inner = add(svg, "svg", { role: "none", y: 8, height: 232, viewBox: `0 8 ${width} 232` }); // it clips
  const ends = new Map();
  for (const { model, split, values } of lines) {
    const { style, grid, seeds } = model;
    const path = (values, kind) => add(inner, "path", { class: kind + (split ? " held" : " train"), style,
      d: "M" + values.map((number, i) => x(grid[i]).toFixed(1) + " " + y(number).toFixed(1)) });
    if ($("single").checked) for (const seed in seeds) path(seeds[seed][split][m], "seed");
    path(values, "mean");
    if (model.numbers[4 + m] != null) add(svg, "circle", { cx: x(model.last), cy: y(model.numbers[4 + m]), r: 4, style });
    ends.set(model, y(values.at(-1)) + 4); // the held-out line comes last
  }
  let above = 0;
  for (const [model, end] of [...ends].sort((a, b) => a[1] - b[1]))
    text(x(model.last) + 8, above = Math.max(end, above + 14), "name", label(model), model.style);
  svg.onclick = svg.onpointermove = (event) => {
    const at = 2 * (event.clientX - svg.getBoundingClientRect().left);
    slider.value = epochs.findLastIndex((epoch, i) => x(epoch) + x(epochs[i - 1] ?? epoch) <= at);
    read();
  };
};
// Each model's values at the slider's epoch, or at the last before it that has any.
const read = () => {
  const epoch = epochs[slider.value];
  let told = "epoch " + epoch;
  cursors.map((move) => move(epoch));
  fill("values", ({ name, grid, mean }) => {
    const i = grid.findLastIndex((it) => it <= epoch);
    const cells = [0, 1, 2, 3].map((k) => write(mean[k % 2][k >> 1][i], k >> 1));
    told += `, ${name} ${cells[1]} %`;
    return [name, grid[i], ...cells].map((cell) => [cell]);
  });
  slider.ariaValueText = told;
};
const charts = () => {
  ["accuracy", "loss"].map(chart);
  read();
};

const matrix = (title, counts, style, how) => {
  const box = $("matrix").content.firstChild.cloneNode(true);
  box.ariaLabel = box.querySelector("caption").textContent = title;
  box.querySelectorAll("td").forEach((cell, k) => {
    cell.textContent = how(counts[k].toFixed());
    cell.style = style(counts[k]) + `--v:${50 * Math.sqrt(Math.abs(counts[k]) / Math.max(...counts.map(Math.abs), 1))}%`;
  });
  $("confusion").append(box);
};
const show = () => {
  models = slots.flatMap((name, slot) => name ? { ...data.models[name], name, style: `--hue:var(--x${slot});` } : []);
  for (const model of models) model.last = model.grid.at(-1);
  epochs = [...new Set([0, ...models.flatMap(({ grid }) => grid)])].sort((a, b) => a - b);
  slider.value = slider.max = epochs.length - 1;
  $("chosen").replaceChildren();
  $("confusion").replaceChildren();
  for (const box of boxes) box.checked = slots.includes(box.value);
  for (const { name, style, confusion } of models) {
    add($("chosen"), "button", { class: "hue", style, "aria-label": "Remove " + name }, name + " ×").onclick = () => (choose(name), $("chosen").focus());
    if (confusion) matrix(name, confusion, () => style, String);
  }
  const [first, second] = models;
  if (models.length == 2 && first.confusion && second.confusion)
    matrix(`${second.name} minus ${first.name}`, second.confusion.map((count, k) => count - first.confusion[k]),
      (more) => (more > 0 ? second : first).style, signed);
  fill("final", (model) => [[model.name, model.title, model.setting], ...model.final.map((texts, k) => {
    const [mine, base] = [model, first].map(({ numbers }) => numbers[k - 2]);
    return model == first || mine == null || base == null ? texts : [...texts, "Δ " + signed(write(mine - base, k % 2))];
  })]);
  charts();
};

const say = (text) => $("status").textContent = text;
const choose = (name) => {
  const slot = slots.indexOf(slots.includes(name) ? name : "");
  say(slot < 0 ? "Four at most: take one away first." : "");
  if (slot >= 0) slots[slot] = slots[slot] ? "" : name;
  history.replaceState(0, "", "#explore=" + slots.filter(String));
  show();
};
const restore = () => {
  const asked = new URLSearchParams(location.hash.slice(1)).get("explore")?.split(",");
  const found = asked ? [...new Set(asked)].filter((name) => Object.hasOwn(data.models, name)) : data.start;
  slots.forEach((_, slot) => slots[slot] = found[slot] ?? "");
  show();
  if (asked) {
    say(found.length < asked.length ? "Some of the link are no models of this study." : "");
    $("explore").scrollIntoView();
  } else { // what the address leads to may have moved down
    requestAnimationFrame(() => document.querySelector(":target")?.scrollIntoView({ behavior: "instant" }));
  }
};
const filter = () => {
  const words = $("find").value.toLowerCase().split(" ");
  const kind = $("kind").querySelector(":checked").value;
  for (const box of boxes) {
    const label = box.parentNode, text = (label.textContent + label.title).toLowerCase();
    label.hidden = !words.every((word) => text.includes(word)) || kind && kind != label.parentNode.dataset.kind;
  }
};
boxes.map((box) => box.onchange = () => choose(box.value));
$("find").oninput = $("kind").onchange = filter;
$("draw").onchange = charts;
slider.oninput = read;
$("csv").onclick = () => {
  const lines = models.flatMap(({ name, seeds, grid }) => Object.entries(seeds).flatMap(([seed, splits]) =>
    splits.flatMap(([accuracy, loss], split) => accuracy.map((number, i) =>
      [name, seed, grid[i], split ? "held-out" : "train", number, loss[i]] + "\n"))));
  const file = new Blob(["model,seed,epoch,split,accuracy,loss\n", ...lines]);
  Object.assign(document.createElement("a"), { download: "curves.csv", href: URL.createObjectURL(file) }).click();
};
addEventListener("hashchange", () => location.hash.startsWith("#explore=") && restore());
addEventListener("resize", charts);
$("explore").hidden = !($("off").hidden = true);
restore();
})();
