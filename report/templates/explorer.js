// The explorer of all models. Data become texts and attributes, never markup.
// Metrics (m): 0 accuracy, 1 loss; splits: 0 training, 1 held out.
(async () => {
const $ = (id) => document.getElementById("x-" + id);
const data = JSON.parse(await unpack($("data")));
const selects = all("#x-chosen select"), slider = $("epoch"), cursors = [];
for (const select of selects.slice(1)) select.append(new Option("none", ""), ...selects[0].cloneNode(true).children);
let models, epochs;

const add = (parent, tag, attributes, text) => {
  const node = document.createElementNS(parent.namespaceURI, tag);
  for (const key in attributes) node.setAttribute(key, attributes[key]);
  node.textContent = text;
  parent.append(node);
  return node;
};
const write = (number, m) => // rounded as by hand
  number == null ? "–" : ((m ? 1 : 100) * number + 1e-9 * Math.sign(number)).toFixed(m ? 3 : 2);
const signed = (number, m, text = write(number, m)) => (text > 0 ? "+" : "") + text.replace("-", text < 0 ? "−" : "");
// A row for each model; a cell is a list of texts, all but the first small.
const fill = (id, cells) => {
  $(id).replaceChildren();
  for (const model of models) {
    const row = add($(id), "tr");
    cells(model).forEach(([text, ...small], c) => {
      const cell = add(row, ...c ? ["td", { class: "n" }] : ["th", { scope: "row", class: "hue", style: model.style }], text);
      for (const more of small) add(cell, "span", { class: "range" }, more);
    });
  }
};

const chart = (id, m) => {
  const svg = $(id), width = svg.clientWidth, right = width - 50, last = Math.max(...models.map((model) => model.last), 1);
  const lines = [0, 1].flatMap((split) => models.map((model) => ({ ...model, split, values: model.mean[split][m] })))
    .filter(({ values }) => values[0] >= 0);
  // The steep start of a curve does not count.
  const heights = lines.flatMap(({ values, test, grid, last }) => [test[m] ?? values.at(-1), ...values.filter((_, i) => grid[i] >= last / 10)]);
  const low = Math.min(...heights), span = Math.max(...heights) - low || 0.1;
  const x = (epoch) => 46 + (right - 46) * epoch / last, y = (number) => 228 - 210 * (number - low) / span;
  const ticks = (from, span) => {
    const power = 10 ** Math.floor(Math.log10(span / 5)), step = power * [1, 2, 5, 10].find((k) => k * power >= span / 5);
    return [0, 1, 2, 3, 4, 5].map((k) => (Math.ceil(from / step) + k) * step).filter((tick) => tick <= from + span);
  };
  const text = (x, y, kind, text, style) => add(svg, "text", { x, y, class: kind, style }, text);
  svg.replaceChildren();
  for (const tick of ticks(low, span)) {
    add(svg, "path", { d: `M46 ${y(tick)}H` + right });
    text(40, y(tick) + 4, "end", m ? +tick.toFixed(6) : +(100 * tick).toFixed(4) + " %");
  }
  for (const tick of ticks(0, last)) text(x(tick), 256, "middle", tick);
  text(right, 272, "end", "epoch");
  const cursor = add(svg, "path", { d: "M0 8V240", style: "--hue:var(--soft)" });
  cursors[m] = (epoch) => cursor.setAttribute("transform", `translate(${x(epoch)})`);
  const inner = add(svg, "svg", { role: "none", height: 240 }); // it clips
  for (const { split, values, style, grid, test, last, number } of lines) {
    add(inner, "path", { class: split ? "held" : "train", style, d: "M" + values.map((number, i) => x(grid[i]).toFixed(1) + " " + y(number).toFixed(1)) });
    if (test[m] != null) add(svg, "circle", { cx: x(last), cy: y(test[m]), r: 4, style });
    if (split) text(x(last) - 3 + 10 * number, y(values.at(-1)) + 4, "name", number, style);
  }
  svg.onclick = svg.onpointermove = (event) => {
    const at = 2 * (event.clientX - svg.getBoundingClientRect().left);
    slider.value = epochs.findLastIndex((epoch, i) => x(epoch) + x(epochs[i - 1] ?? epoch) <= at);
    read();
  };
};
// Each model's values at the slider's epoch, or the last before it.
const read = () => {
  const epoch = epochs[slider.value];
  cursors.map((move) => move(epoch));
  fill("values", ({ label, grid, mean }) => {
    const i = grid.findLastIndex((it) => it <= epoch);
    return [label, grid[i], ...[0, 1, 2, 3].map((k) => write(mean[k % 2][k >> 1][i], k >> 1))].map((cell) => [cell]);
  });
};
// Nothing is drawn while it is folded.
const charts = () => {
  if ($("explore").closest("details:not([open])")) return;
  ["accuracy", "loss"].map(chart);
  read();
};

// Is the first model better than the second?
const answer = ([first, second]) => {
  $("question").textContent = $("answer").textContent = "";
  if (!second) return;
  $("question").textContent = `Is ${first.title} better than ${second.title}?`;
  const turned = data.pairs[first.name + " " + second.name], known = data.pairs[second.name + " " + first.name] ?? turned;
  const told = known?.map(([away, low, high, verdict, planned], m) => {
    if (away == null) return "no value, because trainings diverged. ";
    if (turned) [away, low, high] = [-away, high && -high, low && -low];
    return `${{ [turned ? "worse" : "better"]: "yes", [turned ? "better" : "worse"]: "no, worse" }[verdict] ?? verdict}: it is ${
      write(Math.abs(away), m)} ${m ? "nats" : "points"} ${away < 0 ? "lower" : "higher"} (${
      low == null ? "" : `95 % interval ${signed(low, m)} to ${signed(high, m)}; `}${planned ? "planned" : "not planned"}). `;
  });
  $("answer").textContent = told ? `By test accuracy, ${told[0]}By test loss, ${told[1]}` : $("answer").dataset.none;
};

const show = () => {
  models = selects.flatMap(({ value }, i) => {
    const model = data.models[value];
    return model ? { ...model, name: value, number: i + 1, label: `${i + 1}. ${model.title}`, last: model.grid.at(-1), style: `--hue:var(--x${i})` } : [];
  });
  epochs = [...new Set([0, ...models.flatMap(({ grid }) => grid)])].sort((a, b) => a - b);
  slider.value = slider.max = epochs.length - 1;
  answer(models);
  fill("final", ({ label, setting, final }) => [[label, setting], ...final]);
  charts();
};
const restore = () => {
  const asked = new URLSearchParams(location.hash.slice(1)).get("explore")?.split(",");
  selects.forEach((select, i) => select.value = (asked ?? data.start)[i] ?? "");
  if (asked) unfold($("explore"));
  show();
};
$("chosen").onchange = () => {
  history.replaceState(0, "", "#explore=" + selects.map(({ value }) => value));
  show();
};
slider.oninput = read;
addEventListener("hashchange", () => location.hash.startsWith("#explore=") && restore());
$("explore").hidden = !($("off").hidden = true);
restore();
new ResizeObserver(charts).observe($("accuracy"));
})();
