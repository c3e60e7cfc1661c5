// What the reader has chosen, and the data every panel reads. A panel subscribes to the kinds of change it draws.
const DATA = JSON.parse(document.getElementById("data").textContent);
const RUNS = DATA.runs;
const SEVERAL = RUNS.length > 1;

const state = {
  pin: { run: 0, layer: 0 },
  run: 0,
  axis: SEVERAL ? "relative" : "layer",
  keys: {},
  sort: "listed",
  hidden: new Set(),
  distribution: 0,
  tested: true,
  pair: [0, 1],
  readings: new Set(),
  taskView: "tasks",
  against: { measure: null, variant: "", reading: "", tasks: "all" },
};

const listeners = { pin: [], view: [], theme: [], panels: [], scores: [] };

function on(kinds, listener) {
  kinds.split(" ").forEach((kind) => listeners[kind].push(listener));
}

function announce(kind) {
  listeners[kind].forEach((listener) => listener());
}

function element(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name === "text") made.textContent = value;
    else if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
    else if (value !== null && value !== false) made.setAttribute(name, value === true ? "" : value);
  }
  made.append(...children);
  return made;
}

function fraction(run, layer) {
  return run.depth ? layer / run.depth : 0;
}

// The pinned layer of the run the reader clicked in; in another run, the measured layer nearest in relative depth.
function pinnedLayer(place) {
  const run = RUNS[place];
  if (place === state.pin.run) return state.pin.layer;
  const wanted = fraction(RUNS[state.pin.run], state.pin.layer) * run.depth;
  return run.layers.reduce((best, layer) => (Math.abs(layer - wanted) < Math.abs(best - wanted) ? layer : best));
}

function pin(place, layer) {
  if (!RUNS[place].layers.includes(layer)) return;
  state.pin = { run: place, layer };
  announce("pin");
}

function onAxis(run, layer) {
  return state.axis === "relative" ? 100 * fraction(run, layer) : layer;
}

function axisTitle() {
  return state.axis === "relative" ? "depth (%)" : "layer";
}

function pinnedOnAxis() {
  return onAxis(RUNS[state.pin.run], state.pin.layer);
}

function layerAt(place, x) {
  const run = RUNS[place];
  return run.layers.reduce((best, layer) =>
    Math.abs(onAxis(run, layer) - x) < Math.abs(onAxis(run, best) - x) ? layer : best,
  );
}

function variantKeys(variant) {
  return DATA.variants[variant] ? DATA.variants[variant].keys : {};
}

// Of the variants listed, the one that agrees with most of the reader's choices; on a tie the one listed first.
function closest(listed, chosen) {
  let best = null;
  let most = -1;
  for (const entry of listed) {
    const keys = variantKeys(entry.variant);
    const agreeing = Object.entries(chosen).filter(([key, value]) => keys[key] === value).length;
    if (agreeing > most) {
      best = entry;
      most = agreeing;
    }
  }
  return best;
}

function chosenVariants(listed) {
  if (!listed || !listed.length) return [];
  if (state.keys.tokens !== "both") return [closest(listed, state.keys)];
  const found = ["all", "no_first"].map((tokens) => closest(listed, { ...state.keys, tokens }));
  return [...new Set(found)];
}

function chosenSeries(run, measure) {
  return chosenVariants(run.series[measure])[0] || null;
}

// What a normalised entropy is a share of.
const BOUNDS = { log_n: "of log n", log_d: "of log d", min: "of its bound" };

function unitOf(measure, variant) {
  const norm = variantKeys(variant).norm;
  return norm && norm !== "raw" ? BOUNDS[norm] || "" : DATA.measures[measure].unit;
}

// What is drawn of an interval ends where the measure does: a symmetric interval near the end of the range passes it.
function keepWithinLimits(measure, series) {
  const [least, most] = DATA.measures[measure].limits;
  const norm = variantKeys(series.variant).norm;
  const top = norm && norm !== "raw" ? 1 : most;
  const within = (end) => (end === null ? null : Math.min(top ?? Infinity, Math.max(least ?? -Infinity, end)));
  Object.assign(series, { drawnLow: series.low.map(within), drawnHigh: series.high.map(within) });
  if (series.final) Object.assign(series.final, { drawnLow: within(series.final.low), drawnHigh: within(series.final.high) });
}

RUNS.forEach((run) => Object.entries(run.series).forEach(([measure, listed]) => listed.forEach((series) => keepWithinLimits(measure, series))));

function measuresInOrder() {
  const names = Object.keys(DATA.measures);
  if (state.sort === "name") {
    return names.sort((one, other) => DATA.measures[one].title.localeCompare(DATA.measures[other].title));
  }
  if (state.sort === "change") return names.sort((one, other) => relativeRange(other) - relativeRange(one));
  return names;
}

// How far a measure moves over the layers, in units of its own uncertainty.
function relativeRange(measure) {
  const series = chosenSeries(RUNS[state.run], measure);
  if (!series) return -1;
  const values = series.value.filter((value) => value !== null);
  const halves = series.low.map((low, at) => (series.high[at] - low) / 2).filter((half, at) => series.low[at] !== null);
  if (values.length < 2) return 0;
  const half = halves.length ? halves.reduce((sum, each) => sum + each, 0) / halves.length : 0;
  const range = Math.max(...values) - Math.min(...values);
  return half > 0 ? range / half : range / (Math.abs(values[0]) || 1);
}

// The recommended layer; else the one where prompt entropy is lowest, which is where most readers look first; else the one
// that scores best; else the middle.
function firstPin() {
  const run = RUNS[0];
  const recommended = run.recommendation && run.recommendation.recommended.layer;
  if (run.layers.includes(recommended)) {
    state.pin = { run: 0, layer: recommended };
    return;
  }
  const series = chosenSeries(run, "prompt_entropy");
  let at = Math.floor(run.layers.length / 2);
  if (series && series.value.some((value) => value !== null)) {
    const values = series.value.map((value) => (value === null ? Infinity : value));
    at = values.indexOf(Math.min(...values));
  } else if (run.scores && run.scores.owner === 0) {
    at = Math.max(0, run.layers.indexOf(bestAndLast(0, meanScores(0, TASKS.map((_, task) => task), run.scores.reading)).best.layer));
  }
  state.pin = { run: 0, layer: run.layers[at] };
}
