// Numbers and trends in words: readouts, hover labels and text alternatives.
function number(value) {
  if (value === null || value === undefined) return "–";
  if (value === 0) return "0";
  const size = Math.abs(value);
  if (size >= 1e6 || size < 1e-4) return value.toExponential(2).replace("-", "−");
  const decimals = Math.max(0, Math.min(6, 2 - Math.floor(Math.log10(size))));
  return value.toFixed(decimals).replace("-", "−");
}

function withInterval(value, low, high) {
  if (value === null || value === undefined) return "not measured";
  if (low === null || high === null || low === undefined || high === undefined) return number(value);
  const half = (high - low) / 2;
  if (!(half > 0)) return `${number(value)} ± 0`;
  const exponent = Math.floor(Math.log10(half));
  const decimals = Math.max(0, Math.min(6, (half / 10 ** exponent < 2 ? 1 : 0) - exponent));
  return `${value.toFixed(decimals)} ± ${half.toFixed(decimals)}`.replace("-", "−");
}

// Drawing-library text is markup of its own; a name from outside must not become part of it.
function plotText(text) {
  return String(text).replace(/&/g, "&amp;").replace(/</g, "&lt;").replace(/>/g, "&gt;");
}

function shorten(text, most) {
  return text.length > most ? `${text.slice(0, most - 1)}…` : text;
}

function layerWords(run, layer) {
  return run.depth ? `layer ${layer} (${Math.round(100 * fraction(run, layer))} %)` : `layer ${layer}`;
}

// Layer numbers with neighbours joined: 3–5 and 9.
function layerRanges(layers) {
  const runs = [];
  layers.forEach((layer) => {
    const open = runs[runs.length - 1];
    if (open && layer === open[1] + 1) open[1] = layer;
    else runs.push([layer, layer]);
  });
  const pieces = runs.map(([from, to]) => (from === to ? String(from) : `${from}–${to}`));
  return pieces.length > 1 ? `${pieces.slice(0, -1).join(", ")} and ${pieces[pieces.length - 1]}` : pieces.join("");
}

function trendWords(run, measure, series) {
  const title = DATA.measures[measure].title;
  if (!series.value.some((value) => value !== null)) return `${title}: no finite value.`;
  const unit = unitOf(measure, series.variant);
  const final = series.final ? ` After the final norm: ${number(series.final.value)}.` : "";
  return `${title}${unit ? `, in ${unit}` : ""}, of ${run.label}: ${courseWords(run, series)}.${final}`;
}

// Where a curve starts, turns and ends.
function courseWords(run, series) {
  const known = run.layers.map((layer, at) => [layer, series.value[at]]).filter(([, value]) => value !== null);
  if (!known.length) return "no finite value";
  const first = known[0];
  const last = known[known.length - 1];
  if (known.length === 1) return `${number(first[1])} at layer ${first[0]}`;
  const low = known.reduce((best, entry) => (entry[1] < best[1] ? entry : best));
  const high = known.reduce((best, entry) => (entry[1] > best[1] ? entry : best));
  const course = [`starts at ${number(first[1])} at layer ${first[0]}`];
  [low, high]
    .sort((one, other) => one[0] - other[0])
    .filter((entry) => entry !== first && entry !== last)
    .forEach((entry) => {
      const word = entry === low ? "is lowest" : "is highest";
      course.push(`${word} at layer ${entry[0]} with ${number(entry[1])}`);
    });
  course.push(`ends at ${number(last[1])} at layer ${last[0]}`);
  return course.join(", ");
}
