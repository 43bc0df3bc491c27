// The explorer of all runs: what is chosen is drawn from the numbers that the page carries.
// Data become texts and attributes, never markup.  Metrics: 0 accuracy, 1 loss; splits: 0 training,
// 1 held out; `final` and `numbers` have both metrics of training, validation, test, and the gap.
(async () => {
const $ = (id) => document.getElementById("x-" + id);
const { body } = await fetch($("data").href);
const data = await new Response(body.pipeThrough(new DecompressionStream("gzip"))).json();
const form = $("form");
const slider = $("epoch");
const slots = ["", "", "", ""]; // a model keeps its slot, and so its hue, while it is chosen
const cursors = [];
const known = (number) => number != null;
let models, epochs;

const add = (parent, tag, attributes, text) => {
  const node = document.createElementNS(parent.namespaceURI, tag);
  for (const key in attributes) node.setAttribute(key, attributes[key]);
  node.textContent = text;
  parent.append(node);
  return node;
};
const write = (number, m) => (known(number) ? (m ? number : 100 * number).toFixed(3 - !m) : "–");
const signed = (text) => (text > 0 ? "+" : "") + text.replace("-", text < 0 ? "−" : "");

const chart = (svg, m) => {
  const width = svg.clientWidth;
  const log = form.log.checked;
  const label = (model) => model.name.slice(0, width / 36);
  const right = width - 12 - 7.6 * Math.max(0, ...models.map((model) => label(model).length));
  const last = Math.max(1, ...models.map((model) => model.grid.at(-1)));
  const lines = [0, 1].flatMap((split) => form["split" + split].checked ? models.map((model) =>
    ({ model, split, values: model.mean[split][m], test: model.numbers[4 + m] })) : [])
    .filter((line) => line.values[0] >= 0);
  // As in the figures, the first steep part of a curve does not count for the height.
  const heights = lines.flatMap(({ model, values, test }) =>
    [test, ...values.filter((_, i) => model.grid[i] >= (log || 0.1 * model.grid.at(-1)))]).filter(known);
  const low = Math.min(...heights);
  const span = Math.max(...heights) - low || 0.1;
  const x = (epoch) => 46 + (right - 46) * (log ? Math.log1p(epoch) / Math.log1p(last) : epoch / last);
  const y = (number) => 228 - (210 * (number - low)) / span;
  const ticks = (from, span) => {
    const power = 10 ** Math.floor(Math.log10(span / 5));
    const step = power * [1, 2, 5, 10].find((k) => k * power >= span / 5);
    return [0, 1, 2, 3, 4, 5].map((k) => (Math.ceil(from / step) + k) * step).filter((tick) => tick <= from + span);
  };
  svg.replaceChildren();
  for (const tick of ticks(low, span)) {
    add(svg, "line", { x1: 46, x2: right, y1: y(tick), y2: y(tick) });
    add(svg, "text", { x: 40, y: y(tick) + 4, class: "end" }, +(m ? tick : 100 * tick).toFixed(6) + (m ? "" : " %"));
  }
  for (const tick of log ? [0, 1, 10, 100, 1000].filter((tick) => tick <= last) : ticks(0, last))
    add(svg, "text", { x: x(tick), y: 256, class: "middle" }, tick);
  add(svg, "text", { x: right, y: 272, class: "end" }, "epoch");
  const cursor = add(svg, "path", { class: "cursor", d: "M0 8V240" });
  cursors[m] = (epoch) => cursor.setAttribute("transform", `translate(${x(epoch)})`);
  const inner = add(svg, "svg", { y: 8, height: 232, viewBox: `0 8 ${width} 232` }); // it clips
  const path = (model, values, kind) => add(inner, "path", { class: kind, style: model.hue,
    d: "M" + values.map((number, i) => x(model.grid[i]).toFixed(1) + " " + y(number).toFixed(1)) });
  for (const { model, split, values, test } of lines) {
    const kind = split ? "" : "train";
    if (form.seeds.checked) for (const seed in model.seeds) path(model, model.seeds[seed][split][m], kind + " seed");
    path(model, values, kind);
    if (known(test)) add(svg, "circle", { cx: x(model.grid.at(-1)), cy: y(test), r: 4, style: model.hue });
  }
  let above = 0;
  const ends = new Map(lines.map(({ model, values }) => [model, y(values.at(-1))]));
  for (const [model, end] of [...ends].sort((a, b) => a[1] - b[1])) {
    above = Math.max(end + 4, above + 14);
    add(svg, "text", { x: right + 8, y: above, class: "name", style: model.hue }, label(model));
  }
  svg.onclick = svg.onpointermove = (event) => {
    const at = 2 * (event.clientX - svg.getBoundingClientRect().left);
    slider.value = epochs.findLastIndex((epoch, i) => x(epoch) + x(epochs[i - 1] ?? epoch) <= at);
    read();
  };
};

// A row of a table for each model; a cell is a text, or some, of which all but one are small.
const fill = (body, cells) => {
  body.replaceChildren();
  for (const model of models) {
    const row = add(body, "tr");
    cells(model).forEach(([text, ...small], c) => {
      const node = add(row, c ? "td" : "th", c ? { class: "n" } : { scope: "row", class: "hue", style: model.hue }, text);
      for (const more of small) add(node, "span", { class: "range" }, more);
    });
  }
};
// Each model's values at the slider's epoch, or at the last before it that has any.
const read = () => {
  const epoch = epochs[slider.value];
  cursors.map((move) => move(epoch));
  slider.ariaValueText = "epoch " + epoch;
  fill($("values"), (model) => {
    const i = model.grid.findLastIndex((it) => it <= epoch);
    const cells = [0, 1, 2, 3].map((k) => write(model.mean[k % 2][k >> 1][i], k >> 1));
    slider.ariaValueText += `, ${model.name} ${cells[1]} %`;
    return [model.name, model.grid[i], ...cells].map((cell) => [cell]);
  });
};
const charts = () => {
  [$("accuracy"), $("loss")].map(chart);
  read();
};

const matrix = (title, counts, hue, how) => {
  const box = $("matrix").content.firstElementChild.cloneNode(true);
  box.ariaLabel = box.querySelector("caption").textContent = title;
  box.querySelectorAll("td").forEach((cell, k) => {
    cell.textContent = how(counts[k].toFixed());
    cell.style = hue(counts[k]) + "--v:" + 50 * Math.sqrt(Math.abs(counts[k]) / Math.max(...counts.map(Math.abs), 1)) + "%";
  });
  $("confusion").append(box);
};
const show = () => {
  models = slots.flatMap((name, slot) => name ? { ...data.models[name], name, hue: `--hue:var(--x${slot});` } : []);
  epochs = [...new Set([0, ...models.flatMap((model) => model.grid)])].sort((a, b) => a - b);
  slider.value = slider.max = epochs.length - 1;
  for (const box of form.model) box.checked = slots.includes(box.value);
  $("chosen").replaceChildren();
  $("confusion").replaceChildren();
  for (const { name, hue, confusion } of models) {
    const button = add($("chosen"), "button", { type: "button", class: "hue", style: hue, "aria-label": "Remove " + name }, name + " ×");
    button.onclick = () => choose(name);
    if (confusion) matrix(name, confusion, () => hue, String);
  }
  const [first, second] = models;
  if (models.length == 2 && first.confusion && second.confusion)
    matrix(`${second.name} minus ${first.name}`, second.confusion.map((count, k) => count - first.confusion[k]),
      (more) => (more > 0 ? second : first).hue, signed);
  charts();
  fill($("final"), (model) => [[model.name, model.title, model.setting], ...model.final.map((texts, k) => {
    const [mine, base] = [model, first].map((it) => it.numbers[k - 2]);
    return model != first && known(mine) && known(base) ? [...texts, `${signed(write(mine - base, k % 2))} to ${first.name}`] : texts;
  })]);
};

const say = (text) => ($("status").textContent = text);
const choose = (name) => {
  const slot = slots.indexOf(slots.includes(name) ? name : "");
  say(slot < 0 ? "Four at most: take one away first." : "");
  if (slot >= 0) {
    slots[slot] = slots[slot] ? "" : name;
    history.replaceState(null, "", "#explore=" + slots.filter(String));
  }
  show();
};
const restore = () => {
  const asked = new URLSearchParams(location.hash.slice(1)).get("explore")?.split(",");
  if (asked) {
    const found = [...new Set(asked)].filter((name) => Object.hasOwn(data.models, name));
    slots.forEach((_, slot) => (slots[slot] = found[slot] ?? ""));
    say(found.length < asked.length ? "Some of the link are no models of this study." : "");
    $("explore").scrollIntoView();
  }
  show();
};
const filter = () => {
  const words = form.find.value.toLowerCase().split(" ");
  for (const group of $("list").children) {
    for (const label of group.querySelectorAll("label")) {
      const text = (label.textContent + label.title).toLowerCase();
      label.hidden = !words.every((word) => text.includes(word));
    }
    group.hidden = (form.kind.value && form.kind.value != group.dataset.kind) || !group.querySelector("label:not([hidden])");
  }
};
form.oninput = ({ target }) =>
  target.name == "model" ? choose(target.value) : target.closest("#x-draw") ? charts() : filter();
form.onsubmit = () => false;
slider.oninput = read;
$("csv").onclick = () => {
  const lines = models.flatMap(({ name, seeds, grid }) => Object.entries(seeds).flatMap(([seed, splits]) =>
    splits.flatMap(([accuracy, loss], split) => accuracy.map((number, i) =>
      [name, seed, grid[i], split ? "held-out" : "train", number, loss[i]] + "\n"))));
  const file = new Blob(["model,seed,epoch,split,accuracy,loss\n", ...lines]);
  add($("chosen"), "a", { download: "curves.csv", href: URL.createObjectURL(file) }).click();
  $("chosen").lastChild.remove();
};
addEventListener("hashchange", restore);
addEventListener("resize", charts);
$("off").hidden = true;
$("explore").hidden = false;
data.start.forEach((name, slot) => (slots[slot] = name));
restore();
})();
