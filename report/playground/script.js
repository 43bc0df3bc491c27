// The image is a Float64Array of gray values in [0, 1], row by row.  `base` is what was drawn or
// chosen; `image` is the same after the sliders.
const byId = (id) => document.getElementById(id);
const all = (selector, within = document) => [...within.querySelectorAll(selector)];
const clip = (value) => Math.min(1, Math.max(0, value));
const fixed = (value) => value.toFixed(1).replace(/^-(0\.0$)?/, (_, zero) => zero ?? "−");
const percent = (p) => `${fixed(100 * p)}\u202f%`;
const setup = JSON.parse(byId("setup").textContent);
const { models, classes, shape: [ROWS, COLUMNS], white: WHITE, background: BACKGROUND } = setup;
const { preparation } = setup;  // of photos; fmstudy/predict/prepare.py does the same
const PIXELS = ROWS * COLUMNS, MIDDLE = { row: ROWS >> 1, column: COLUMNS >> 1 };
const ink = (value) => BACKGROUND ? 1 - value : value;  // how far it is from the background

// ------------------------------------------------------------------------------------- theme
const root = document.documentElement, theme = byId("theme");
const showTheme = () => { theme.textContent = `Theme: ${root.dataset.theme || "auto"}`; };
theme.hidden = false;
theme.onclick = () => {
  root.dataset.theme = { "": "dark", dark: "light", light: "" }[root.dataset.theme || ""];
  try { localStorage.theme = root.dataset.theme; } catch { /* not allowed: until the page is left */ }
  showTheme();
  drawWeights();
};
showTheme();
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => drawWeights());

// ------------------------------------------------------------------------------------ models
const unpack = async (id) => {
  const text = atob(byId(id).textContent), bytes = new Uint8Array(text.length);
  for (let place = 0; place < text.length; place++) bytes[place] = text.charCodeAt(place);
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  return new Response(stream).arrayBuffer();
};

// The file has scale and bias of every layer, then the levels of every layer, by unit.
const readModels = (buffer) => {
  for (const model of models)
    model.layers = model.sizes.slice(1).map((units, place) => ({ units, inputs: model.sizes[place] }));
  const layers = models.flatMap((model) => model.layers);
  let at = 0;
  const floats = (count) => {
    const found = new Float32Array(buffer, at, count);
    at += 4 * count;
    return found;
  };
  for (const layer of layers) {
    layer.scale = floats(layer.units);
    layer.bias = floats(layer.units);
  }
  for (const layer of layers) {
    const { units, inputs, scale } = layer;
    const levels = new Int8Array(buffer, at, units * inputs);
    layer.columns = new Float32Array(units * inputs);  // by input, so that zeros cost nothing
    for (let unit = 0; unit < units; unit++)
      for (let input = 0; input < inputs; input++)
        layer.columns[input * units + unit] = scale[unit] * levels[unit * inputs + input];
    at += units * inputs;
  }
};

const apply = ({ units, bias, columns }, given) => {
  const sums = Float64Array.from(bias);
  for (let input = 0, start = 0; input < given.length; input++, start += units) {
    const value = given[input];
    if (value) for (let unit = 0; unit < units; unit++) sums[unit] += value * columns[start + unit];
  }
  return sums;
};

const scores = (model, given) => model.layers.reduce((inputs, layer, place) => {
  const sums = apply(layer, inputs);
  if (place === model.layers.length - 1) return sums;
  return sums.map(model.activation === "relu" ? (z) => Math.max(0, z) : (z) => 1 / (1 + Math.exp(-z)));
}, given);

const softmax = (z) => {
  const largest = Math.max(...z), exponentials = Array.from(z, (each) => Math.exp(each - largest));
  const sum = exponentials.reduce((a, b) => a + b);
  return exponentials.map((each) => each / sum);
};

const probabilities = (model, given) => softmax(scores(model, given));
const top = (p) => p.indexOf(Math.max(...p));

// ----------------------------------------------------------------------------------- sliders
const UNITS = { x: " pixels", y: " pixels", angle: "°", noise: "\u202f%", contrast: "\u202f%" };
const withUnit = (id, value) => `${value}${UNITS[id]}`.replace("-", "−");
const sliders = Object.keys(UNITS).map(byId);
const settings = () => Object.fromEntries(sliders.map((slider) => [slider.id, +slider.value]));
const untouched = Object.fromEntries(sliders.map((slider) => [slider.id, +slider.defaultValue]));
let noiseSeed = 1, noise;

const drawNoise = () => {
  let state = noiseSeed;
  const random = () => {  // mulberry32
    state = (state + 0x6D2B79F5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
  noise = Float64Array.from({ length: PIXELS },
    () => Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random()));
};

const at = (given, row, column) =>
  row < 0 || column < 0 || row >= ROWS || column >= COLUMNS ? BACKGROUND : given[row * COLUMNS + column];

// Rotate about the center, shift, then contrast about middle gray, then noise.  The result has whole
// gray values, like the images of the data set, so the models see exactly what the screen shows.
const changed = (given, { x, y, angle, noise: amount, contrast }) => {
  const turn = -angle * Math.PI / 180, cos = Math.cos(turn), sin = Math.sin(turn);
  const [upright, level] = [(ROWS - 1) / 2, (COLUMNS - 1) / 2];
  return given.map((_, pixel) => {
    const right = pixel % COLUMNS - level - x, down = Math.floor(pixel / COLUMNS) - upright - y;
    const column = level + cos * right - sin * down, row = upright + sin * right + cos * down;
    const left = Math.floor(column + 1e-9), upper = Math.floor(row + 1e-9);
    const across = Math.max(0, column - left), along = Math.max(0, row - upper);
    const mix = (r) => (1 - across) * at(given, r, left) + across * at(given, r, left + 1);
    const value = (1 - along) * mix(upper) + along * mix(upper + 1);
    const gray = clip(0.5 + contrast / 100 * (value - 0.5) + amount / 100 * noise[pixel]);
    return Math.round(WHITE * gray) / WHITE;
  });
};

// ------------------------------------------------------------------------------------ drawing
let base = new Float64Array(PIXELS).fill(BACKGROUND), image = base, label = null, source = "";
let cursor = null;
const history = [];
const canvas = byId("canvas");
canvas.style.maxWidth = `${19 * Math.min(1, COLUMNS / ROWS)}rem`;

const paintOn = (target, pixels, width, height, color) => {
  target.width = width;
  target.height = height;
  const context = target.getContext("2d"), data = context.createImageData(width, height);
  for (let pixel = 0; pixel < width * height; pixel++) {
    color(pixels, pixel, data.data);
    data.data[4 * pixel + 3] = 255;
  }
  context.putImageData(data, 0, 0);
};
const gray = (pixels, pixel, data) => { data.fill(255 * pixels[pixel], 4 * pixel, 4 * pixel + 3); };

const showImage = () => {
  paintOn(canvas, image, COLUMNS, ROWS, gray);
  if (cursor && document.activeElement === canvas) {
    // One pixel of the canvas is one of the image, so the cursor takes the color of a pixel.
    const context = canvas.getContext("2d");
    context.fillStyle = getComputedStyle(root).getPropertyValue("--orange");
    context.fillRect(cursor.column, cursor.row, 1, 1);
  }
};

const chosenTool = () => document.querySelector("[name=tool]:checked").value;

const shade = () => chosenTool() === "erase" ? BACKGROUND : ink(+byId("shade").value);

// The brushes are for images of 28 pixels; in smaller ones, strokes are thinner.
const brush = () => 0.4 + (byId("brush").value - 0.4) * Math.min(ROWS, COLUMNS) / 28;

const dab = (column, row) => {
  const radius = brush(), wanted = shade(), reach = Math.ceil(radius);
  for (let r = Math.floor(row) - reach; r <= row + reach; r++)
    for (let c = Math.floor(column) - reach; c <= column + reach; c++) {
      if (r < 0 || c < 0 || r >= ROWS || c >= COLUMNS) continue;
      const cover = clip(radius + 0.5 - Math.hypot(c + 0.5 - column, r + 0.5 - row)), pixel = r * COLUMNS + c;
      base[pixel] = base[pixel] < wanted ? Math.max(base[pixel], cover * wanted)
        : Math.min(base[pixel], 1 - cover * (1 - wanted));
    }
};

const stroke = (from, to) => {
  const steps = Math.max(1, Math.ceil(2 * Math.hypot(to.column - from.column, to.row - from.row)));
  for (let step = 0; step <= steps; step++)
    dab(from.column + (to.column - from.column) * step / steps, from.row + (to.row - from.row) * step / steps);
};

// Fill up to pixels with at least half as much ink as the color, and the blurred inner edge of those.
const fill = (column, row) => {
  const wanted = shade(), waiting = [[Math.floor(row), Math.floor(column)]], filled = new Set();
  while (waiting.length) {
    const [r, c] = waiting.pop(), pixel = r * COLUMNS + c;
    if (r < 0 || c < 0 || r >= ROWS || c >= COLUMNS || filled.has(pixel)) continue;
    filled.add(pixel);
    if (ink(base[pixel]) < ink(wanted) / 2) waiting.push([r + 1, c], [r - 1, c], [r, c + 1], [r, c - 1]);
  }
  for (const pixel of filled) base[pixel] = (BACKGROUND ? Math.min : Math.max)(base[pixel], wanted);
};

// What is drawn on is the image as it is shown: a slider that was moved becomes part of it.
const beginEdit = () => {
  history.push({ base, label, source });
  if (history.length > 50) history.shift();
  base = Float64Array.from(image);
  label = null;
  source = "Your drawing";
  resetSliders();
  pressThumb(null);
};

const useTool = (from, to) => {
  if (chosenTool() === "fill") fill(to.column, to.row);
  else stroke(from, to);
  update();
};

const place = (event) => {
  const box = canvas.getBoundingClientRect();
  return {
    column: (event.clientX - box.left - canvas.clientLeft) / canvas.clientWidth * COLUMNS,
    row: (event.clientY - box.top - canvas.clientTop) / canvas.clientHeight * ROWS,
  };
};
let last = null;
canvas.onpointerdown = (event) => {
  if (event.button) return;
  canvas.setPointerCapture(event.pointerId);
  cursor = null;
  beginEdit();
  last = place(event);
  useTool(last, last);
};
canvas.onpointermove = (event) => {
  if (!last || chosenTool() === "fill") return;
  for (const each of event.getCoalescedEvents?.() ?? [event]) {
    const next = place(each);
    useTool(last, next);
    last = next;
  }
};
canvas.onpointerup = canvas.onpointercancel = () => { last = null; };

const ARROWS = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0] };
const middle = ({ row, column }) => ({ row: row + 0.5, column: column + 0.5 });
const within = (value, count) => Math.min(count - 1, Math.max(0, value));
canvas.onkeydown = (event) => {
  const arrow = ARROWS[event.key];
  if (!arrow && event.key !== " ") return;
  event.preventDefault();
  const from = cursor ?? MIDDLE;
  cursor = arrow ? { row: within(from.row + arrow[0], ROWS), column: within(from.column + arrow[1], COLUMNS) } : from;
  if (!arrow || event.shiftKey) {
    beginEdit();
    useTool(middle(from), middle(cursor));
  } else showImage();
  say(`Row ${cursor.row + 1}, column ${cursor.column + 1}, brightness ${percent(base[cursor.row * COLUMNS + cursor.column])}`);
};
canvas.onfocus = () => { if (!last && canvas.matches(":focus-visible")) cursor ??= MIDDLE; showImage(); };
canvas.onblur = showImage;

const setImage = (pixels, of, words) => {
  history.push({ base, label, source });
  base = Float64Array.from(pixels);
  label = of;
  source = words;
  resetSliders();
  update();
};
byId("clear").onclick = () => {
  pressThumb(null);
  setImage(new Float64Array(PIXELS).fill(BACKGROUND), null, "An empty image");
};
byId("undo").onclick = () => {
  ({ base, label, source } = history.pop());
  resetSliders();
  pressThumb(null);
  update();
};

// ------------------------------------------------------------------------------------ answers
const rows = all("#answers tbody tr"), heads = all("#answers thead th").slice(1);
let answers = [], before = [], waiting = 0, speaking = 0;

const say = (words) => { byId("live").textContent = words; };

const isChanged = () => sliders.some((slider) => +slider.value !== untouched[slider.id]);

const showAnswers = () => {
  const moved = isChanged();
  models.forEach((model, column) => {
    const p = answers[column], old = before[column], best = top(p);
    heads[column].querySelector("[data-answer]").textContent = `${classes[best]} ${percent(p[best])}`;
    heads[column].querySelector("[data-before]").textContent =
      moved ? `before: ${classes[top(old)]} ${percent(old[top(old)])}` : "";
    rows.forEach((row, place) => {
      const cell = row.cells[column + 1], [bar, number] = cell.children;
      bar.firstChild.style.width = `${100 * p[place]}%`;
      bar.lastChild.style.left = `min(${100 * old[place]}%, 100% - 2px)`;
      bar.lastChild.style.visibility = Math.abs(p[place] - old[place]) > 0.004 ? "visible" : "hidden";
      number.textContent = fixed(100 * p[place]);
      cell.dataset.p = p[place].toFixed(7);
      cell.classList.toggle("top", place === best);
    });
  });
  rows.forEach((row, place) => { row.querySelector(".label").hidden = place !== label; });
  byId("source").textContent = label === null ? source : `${source}, labeled ${classes[label]}`;
  byId("undo").disabled = !history.length;
};

// The image and the answers at once; what takes longer when nothing has moved for a moment.
const update = () => {
  image = changed(base, settings());
  for (const slider of sliders) {
    byId(`${slider.id}-out`).textContent = slider.ariaValueText = withUnit(slider.id, slider.value);
  }
  showImage();
  answers = models.map((model) => probabilities(model, image));
  before = isChanged() ? models.map((model) => probabilities(model, base)) : answers;
  showAnswers();
  clearTimeout(waiting);
  waiting = setTimeout(() => { drawCurve(); drawWeights(); }, 200);
  clearTimeout(speaking);
  speaking = setTimeout(() => say(models.map((model, place) =>
    `${model.title}: ${classes[top(answers[place])]}, ${percent(Math.max(...answers[place]))}.`).join(" ")), 900);
};

const resetSliders = () => { for (const slider of sliders) slider.value = untouched[slider.id]; };
for (const slider of sliders) slider.oninput = () => { byId("curve-slider").value = slider.id; update(); };
byId("reset").onclick = () => { resetSliders(); update(); };
byId("mirror").onclick = () => {
  history.push({ base, label, source });
  base = base.map((_, pixel) => base[pixel + COLUMNS - 1 - 2 * (pixel % COLUMNS)]);
  update();
};
byId("again").onclick = () => {
  noiseSeed += 1;
  drawNoise();
  if (+byId("noise").value === 0) byId("noise").value = 30;
  byId("noise").oninput();
};

// -------------------------------------------------------------------------------------- curve
const followed = () => byId("curve-class").value === "" ? label ?? top(before[0]) : +byId("curve-class").value;

const svg = (name, attributes, text = "") => {
  const element = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  element.textContent = text;
  return element;
};

const drawCurve = () => {
  if (!answers.length) return;
  const slider = byId(byId("curve-slider").value), [low, high] = [+slider.min, +slider.max];
  const step = Math.max(+slider.step, (high - low) / 36), wanted = followed(), now = settings();
  const width = byId("curve").clientWidth, wide = width > 500, values = [];
  byId("curve").setAttribute("viewBox", `0 0 ${width} 200`);
  for (let value = low; value < high + step / 2; value += step) values.push(Math.min(value, high));
  const x = (value) => 52 + (width - 88) * (value - low) / (high - low), y = (p) => 170 - 155 * p;
  const shown = [];
  for (const p of [0, 0.25, 0.5, 0.75, 1]) {
    shown.push(svg("line", { class: "grid", x1: 52, x2: width - 36, y1: y(p), y2: y(p) }));
    shown.push(svg("text", { x: 46, y: y(p) + 4, "text-anchor": "end" }, `${100 * p}\u202f%`));
  }
  for (const share of wide ? [0, 0.25, 0.5, 0.75, 1] : [0, 0.5, 1]) {
    const value = low + share * (high - low);
    shown.push(svg("text", { x: x(value), y: 190, "text-anchor": "middle" }, withUnit(slider.id, value)));
  }
  shown.push(svg("line", { class: "now", x1: x(now[slider.id]), x2: x(now[slider.id]), y1: 10, y2: 170 }));
  const images = values.map((value) => changed(base, { ...now, [slider.id]: value }));
  models.forEach((model, place) => {
    const points = images.map((each, n) => `${x(values[n]).toFixed(1)} ${y(probabilities(model, each)[wanted]).toFixed(1)}`);
    shown.push(svg("path", { class: `m${place}`, d: `M${points.join("L")}` }));
    shown.push(svg("circle", { class: `m${place}`, r: 4, cx: x(now[slider.id]), cy: y(answers[place][wanted]) }));
  });
  byId("curve").replaceChildren(...shown);
  const at_ = models.map((model, place) => `${model.title} ${percent(answers[place][wanted])}`).join(", ");
  byId("curve").setAttribute("aria-label", `Probability of ${classes[wanted]} over ${slider.labels[0].firstChild.textContent.trim().toLowerCase()}; now ${at_}`);
  byId("curve-class").options[0].textContent = `${classes[followed()]} (automatic)`;
};
addEventListener("resize", drawCurve);
byId("curve-class").onchange = byId("curve-slider").onchange = drawCurve;

// ------------------------------------------------------------------------------------ weights
const linear = models.find((model) => model.sizes.length === 2);
const colorOf = (name) => {
  const [, ...pairs] = getComputedStyle(root).getPropertyValue(name).trim().match(/^#(..?)(..?)(..?)$/);
  return pairs.map((pair) => parseInt(pair.length === 1 ? pair + pair : pair, 16));
};

const drawWeights = () => {
  if (!linear?.layers || !answers.length) return;
  const { columns, units } = linear.layers[0], paper = colorOf("--paper");
  const plus = colorOf("--blue"), minus = colorOf("--orange");
  const signed = (values) => {
    const sorted = values.map(Math.abs).sort();
    const largest = sorted[Math.floor(0.995 * PIXELS)] || sorted[PIXELS - 1] || 1;
    return (pixels, pixel, data) => {
      const share = Math.min(1, Math.abs(pixels[pixel]) / largest), end = pixels[pixel] > 0 ? plus : minus;
      paper.forEach((each, place) => { data[4 * pixel + place] = each + share * (end[place] - each); });
    };
  };
  const given = scores(linear, image), best = top([...given]);
  const every = signed(Float64Array.from({ length: PIXELS }, (_, p) => columns[p * units + best]));
  all("#weights li").forEach((item, unit) => {
    const weights = Float64Array.from({ length: PIXELS }, (_, pixel) => columns[pixel * units + unit]);
    paintOn(item.firstElementChild, weights, COLUMNS, ROWS, every);
    item.lastElementChild.textContent = fixed(given[unit]);
    item.lastElementChild.classList.toggle("top", unit === best);
  });
  const product = image.map((value, pixel) => value * columns[pixel * units + best]);
  paintOn(byId("product"), product, COLUMNS, ROWS, signed(product));
  byId("product-of").textContent = classes[best];
};

// ------------------------------------------------------------------------------- test images
let thumbs = [];
const pressThumb = (wanted) => {
  for (const thumb of thumbs) thumb.ariaPressed = thumb === wanted;
};

const showThumbs = (buffer) => {
  const bytes = new Uint8Array(buffer);
  const groups = classes.map((name) => {
    const group = document.createElement("div"), words = document.createElement("span");
    group.setAttribute("role", "group");
    group.ariaLabel = words.textContent = name;
    group.append(words);
    return group;
  });
  thumbs = setup.labels.map((of, n) => {
    const pixels = Float64Array.from(bytes.subarray(n * PIXELS, (n + 1) * PIXELS), (value) => value / WHITE);
    const button = document.createElement("button"), picture = document.createElement("canvas");
    paintOn(picture, pixels, COLUMNS, ROWS, gray);
    button.type = "button";
    button.tabIndex = n ? -1 : 0;
    button.ariaLabel = `${classes[of]}, test image ${setup.places[n]}`;
    button.ariaPressed = false;
    button.append(picture);
    button.onclick = () => {
      setImage(pixels, of, `Test image ${setup.places[n]}`);
      focusThumb(button, false);
      pressThumb(button);
    };
    groups[of].append(button);
    return button;
  });
  byId("thumbs").append(...groups.filter((group) => group.children.length > 1));
};

// Only one image is a stop of the Tab key; arrow keys lead to the others.
const focusThumb = (wanted, focus = true) => {
  for (const thumb of thumbs) thumb.tabIndex = thumb === wanted ? 0 : -1;
  if (focus) wanted.focus();
};
byId("thumbs").onkeydown = (event) => {
  const here = thumbs.indexOf(document.activeElement);
  if (here < 0) return;
  const group = document.activeElement.parentElement, [, ...own] = group.children;
  const across = own.indexOf(document.activeElement);
  const beside = (next) => next && (next.children[across + 1] ?? next.lastElementChild);
  const next = {
    ArrowRight: () => thumbs[here + 1], ArrowLeft: () => thumbs[here - 1],
    ArrowDown: () => beside(group.nextElementSibling), ArrowUp: () => beside(group.previousElementSibling),
    Home: () => own[0], End: () => own.at(-1),
  }[event.key]?.();
  if (!next) return;
  event.preventDefault();
  focusThumb(next);
};

// -------------------------------------------------------------------------------------- photo
const picture = (width, height, of) => {
  const pixels = new Float64Array(width * height);
  for (let pixel = 0; pixel < pixels.length; pixel++)
    pixels[pixel] = of(Math.floor(pixel / width), pixel % width);
  return { width, height, pixels };
};
const whole = (value, white) => Math.floor(white * value + 0.5 + preparation.tie);  // gray value; halves go up
const count = (value) => Math.max(1, Math.floor(value + 0.5));

// All gray values of a bitmap, on white where it is transparent.  Band by band, because browsers limit
// the size of a canvas.
const toGray = (bitmap) => {
  const { width, height } = bitmap, { red, green, blue } = preparation, rows = Math.min(height, 256);
  const pixels = new Uint8Array(width * height);
  const context = new OffscreenCanvas(width, rows).getContext("2d", { willReadFrequently: true });
  context.fillStyle = "white";
  for (let start = 0; start < height; start += rows) {
    context.fillRect(0, 0, width, rows);
    context.drawImage(bitmap, 0, -start);
    const { data } = context.getImageData(0, 0, width, Math.min(rows, height - start));
    for (let from = 0, to = start * width; from < data.length; from += 4)
      pixels[to++] = (red * data[from] + green * data[from + 1] + blue * data[from + 2] + 32768) >> 16;
  }
  return { width, height, pixels };
};

// Each new pixel is the mean of the area that it covers: first of rows, then of columns.
const areaMeans = ({ width, height, pixels }, wide, high) => {
  const parts = (length, count) => Array.from({ length: count }, (_, place) => {
    const start = place * length / count, end = (place + 1) * length / count, found = [];
    for (let cell = Math.floor(start); cell < Math.min(length, end); cell++)
      found.push([cell, (Math.min(end, cell + 1) - Math.max(start, cell)) / (end - start)]);
    return found;
  });
  const columns = parts(width, wide);
  const rows = parts(height, high).map((covered) => {
    const means = new Float64Array(width);
    for (const [row, share] of covered)
      for (let column = 0; column < width; column++) means[column] += share * pixels[row * width + column];
    return columns.map((cells) => cells.reduce((sum, [column, share]) => sum + share * means[column], 0));
  });
  return picture(wide, high, (r, c) => rows[r][c]);
};

const quantile = (values, share) => values.sort()[Math.floor(share * (values.length - 1))];
const border = ({ width, height, pixels }) =>
  pixels.filter((_, pixel) => pixel < width || pixel >= width * (height - 1) || pixel % width === 0 || pixel % width === width - 1);

const isBright = (given) => quantile(border(given), 0.5) > preparation.bright;

// Bright borders become dark; then the border's gray becomes black.  How much it varies is told by its
// darker half, because a thing that touches the border is brighter.
const blacken = (given) => {
  const inverted = isBright(given), turn = (value) => inverted ? 1 - value : value;
  const edge = border(given).map(turn), level = quantile(edge, 0.5);
  const limit = Math.max(preparation.faint, preparation.margin * (level - quantile(edge, preparation.dark)) / (1 - level));
  const black = (value) => { const share = clip((turn(value) - level) / (1 - level)); return share > limit ? share : 0; };
  byId("bright").hidden = !inverted;
  byId("dark").hidden = inverted;
  return { ...given, pixels: given.pixels.map(black) };
};

const trim = (given) => {
  const { width, height, pixels } = given, inRow = new Uint32Array(height), inColumn = new Uint32Array(width);
  pixels.forEach((value, pixel) => {
    if (value > 0) { inRow[Math.floor(pixel / width)] += 1; inColumn[pixel % width] += 1; }
  });
  const ends = (counts, length) => {
    const covered = (count) => count / length > preparation.part;
    return [counts.findIndex(covered), counts.findLastIndex(covered)];
  };
  const [upper, lower] = ends(inRow, width), [left, right] = ends(inColumn, height);
  if (upper < 0 || left < 0)
    throw new Error(preparation.empty);
  return picture(right - left + 1, lower - upper + 1, (r, c) => pixels[(upper + r) * width + left + c]);
};

const scale = (given) => {
  const factor = Math.max(given.height / setup.frame[0], given.width / setup.frame[1]);
  return areaMeans(given, count(given.width / factor), count(given.height / factor));
};

const pixelOf = ({ width, height, pixels }, row, column) =>
  row < 0 || column < 0 || row >= height || column >= width ? 0 : pixels[row * width + column];

// Add the difference from a Gaussian blur with a radius and a standard deviation of one pixel.
const sharpen = (given) => picture(given.width, given.height, (r, c) => {
  let sum = 0, weight = 0;
  for (let down = -1; down <= 1; down++)
    for (let right = -1; right <= 1; right++) {
      const share = Math.exp(-(down * down + right * right) / 2);
      sum += share * pixelOf(given, r + down, c + right);
      weight += share;
    }
  return clip(2 * pixelOf(given, r, c) - sum / weight);
});

const center = (given) => {
  const upper = Math.floor((ROWS - given.height) / 2), left = Math.floor((COLUMNS - given.width) / 2);
  return picture(COLUMNS, ROWS, (r, c) => whole(ink(pixelOf(given, r - upper, c - left)), WHITE) / WHITE);
};

const usePhoto = async (file) => {
  const error = byId("photo-error"), steps = all("#steps canvas");
  error.textContent = "";
  let bitmap, now;
  try {
    bitmap = await createImageBitmap(file, { colorSpaceConversion: "none" });
    if (bitmap.width * bitmap.height > preparation.most) throw new RangeError();
    now = toGray(bitmap);
  } catch {
    error.textContent = `${file.name} is not a picture that this browser can read, or too large. Try a PNG or JPEG file.`;
    return;
  }
  const factor = Math.max(1, Math.max(now.width, now.height) / preparation.longest);
  const width = count(now.width / factor), height = count(now.height / factor);
  Object.assign(steps[0], { width, height }).getContext("2d").drawImage(bitmap, 0, 0, width, height);
  const show = (step) => paintOn(steps[step], now.pixels, now.width, now.height, gray);
  try {
    now = areaMeans(now, width, height);
    now.pixels = now.pixels.map((value) => whole(value, 1) / 255);
    show(1);
    const unchanged = width === COLUMNS && height === ROWS && isBright(now) === !!BACKGROUND;
    all("#steps li").forEach((step, n) => { step.hidden = unchanged ? n > 1 && n < steps.length - 1 : n === steps.length - 1; });
    const keep = (given) => picture(width, height, (r, c) => whole(pixelOf(given, r, c), WHITE) / WHITE);
    const rest = unchanged ? [keep] : [blacken, trim, scale, ...(setup.sharpen ? [sharpen] : []), center];
    rest.forEach((prepare, n) => { now = prepare(now); show(unchanged ? steps.length - 1 : n + 2); });
  } catch (problem) {
    byId("steps").hidden = true;
    error.textContent = `${file.name}: ${problem.message}`;
    return;
  }
  byId("steps").hidden = false;
  pressThumb(null);
  setImage(now.pixels, null, `Your photo ${file.name}`);
};
byId("file").onchange = ({ target }) => { if (target.files[0]) usePhoto(target.files[0]); };
document.ondragover = (event) => event.preventDefault();
document.ondrop = (event) => {
  event.preventDefault();
  const file = event.dataTransfer?.files[0];
  if (file) usePhoto(file);
};

// -------------------------------------------------------------------------------------- start
(async () => {
  const [weights, pixels] = await Promise.all(["weights-data", "pixels-data"].map(unpack));
  readModels(weights);
  drawNoise();
  showThumbs(pixels);
  byId("off").hidden = true;
  byId("play").hidden = false;
  if (thumbs.length) thumbs[0].click();
  history.length = 0;
  update();
  root.dataset.ready = "";
})();
