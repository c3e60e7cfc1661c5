// Stress, evolution and other collections: every cell as a heat map over the layers, one for each model and perturbation.
const AXES = {
  strength: { section: "stress", base: "natural text" },
  step: { section: "evolution", base: "untrained" },
  cell: { section: "cells", base: "" },
};
const heatFigures = { strength: [], step: [], cell: [] };

function gridsAlong(axis) {
  return RUNS.flatMap((run, place) => run.grids.filter((grid) => grid.axis === axis).map((grid) => ({ place, grid })));
}

function axisWords(grid) {
  if (grid.axis === "step") return "training step";
  if (grid.axis !== "strength") return "";
  if (grid.perturbation !== "prefix") return "strength";
  return grid.rows.some((row) => row.at > 1) ? "tokens kept" : "share kept";
}

function perturbationWords(grid) {
  const words = grid.perturbation.replace(/_/g, " ");
  return words ? words[0].toUpperCase() + words.slice(1) : "";
}

function gridName(place, grid) {
  return grid.name || RUNS[place].label;
}

// What the rows are compared with, or the first of them, and the strongest: of prefixes the shortest.
function rowEnds(grid) {
  const placed = grid.rows.filter((row) => row.at !== null);
  const strongest = grid.perturbation === "prefix" ? placed[0] : placed[placed.length - 1];
  return [grid.rows[0], strongest || grid.rows[grid.rows.length - 1]];
}

function cellSeries(choice, row) {
  const listed = DATA.cells[row.cell].series[choice.measure] || [];
  return listed.find((series) => series.variant === choice.variant) || null;
}

function cellOnAxis(cell, layer) {
  return state.axis === "relative" ? (cell.depth ? (100 * layer) / cell.depth : 0) : layer;
}

// The measured layer of a cell that stands where the pinned one does.
function pinnedPlace(cell, place) {
  const wanted = fraction(RUNS[place], pinnedLayer(place)) * cell.depth;
  return cell.layers.reduce((best, layer, at) => (Math.abs(layer - wanted) < Math.abs(cell.layers[best] - wanted) ? at : best), 0);
}

// Where rows stand on their axis: by the logarithm where places span more than a decade, in equal steps where that is asked
// for or there are no places; what the rows are compared with stands apart, below the least, or beyond the longest prefix.
function rowPlaces(grid, equal = false) {
  const placed = grid.axis === "cell" ? grid.rows : grid.rows.filter((row) => row.at !== null);
  const positive = placed.map((row) => row.at).filter((at) => at > 0);
  const log = positive.length > 1 && Math.max(...positive) / Math.min(...positive) >= 16;
  const onLog = (at) => Math.log10(at > 0 ? at : Math.min(...positive)) - (at > 0 ? 0 : 0.4);
  const ys = placed.map((row, at) => (grid.axis === "cell" || (equal && !log) ? at : log ? onLog(row.at) : row.at));
  const gap = ys.length > 1 ? (ys[ys.length - 1] - ys[0]) / (ys.length - 1) : 1;
  const edges = ys.map((y, at) => (at ? (y + ys[at - 1]) / 2 : y - ((ys[1] ?? y + gap) - y) / 2));
  edges.push(ys.length ? ys[ys.length - 1] + (ys.length > 1 ? ys[ys.length - 1] - ys[ys.length - 2] : gap) / 2 : 0);
  const rows = placed.map((row, at) => ({ row, y: ys[at], from: edges[at], to: edges[at + 1] }));
  const base = grid.axis === "cell" ? null : grid.rows.find((row) => row.at === null);
  const [least, most] = [edges[0] ?? 0, edges[edges.length - 1]];
  if (base && grid.perturbation === "prefix") rows.push({ row: base, y: most + 1.1 * gap, from: most + 0.6 * gap, to: most + 1.6 * gap, base: true });
  else if (base) rows.unshift({ row: base, y: least - 1.1 * gap, from: least - 1.6 * gap, to: least - 0.6 * gap, base: true });
  return rows;
}

// Names of as many rows as fit, the first and the last among them.
function rowTicks(rows, most) {
  const ends = [rows[0].y, rows[rows.length - 1].to];
  const apart = (ends[1] - ends[0]) / most;
  const shown = [];
  [rows[rows.length - 1], ...rows].forEach((each) => {
    if (shown.every((other) => Math.abs(other.y - each.y) >= apart) || (each.base && !shown.includes(each))) shown.push(each);
  });
  return { tickvals: shown.map(({ y }) => y), ticktext: shown.map(({ row }) => plotText(shorten(row.label, 22))) };
}

// Neighbouring rows over the same layers are one block; rows of another model, or set apart, begin the next.
function blocksOf(rows) {
  const blocks = [];
  rows.forEach((each) => {
    const before = blocks[blocks.length - 1];
    const last = before && before[before.length - 1];
    const same = last && DATA.cells[last.row.cell].layers.join() === DATA.cells[each.row.cell].layers.join();
    if (same && Math.abs(last.to - each.from) < 1e-9) before.push(each);
    else blocks.push([each]);
  });
  return blocks;
}

// Half way between layers; by relative depth rows of all models end at 0 and 100 %.
function layerEdges(cell) {
  const centres = cell.layers.map((layer) => cellOnAxis(cell, layer));
  if (centres.length === 1) return [centres[0] - 0.5, centres[0] + 0.5];
  const inner = centres.slice(1).map((centre, at) => (centre + centres[at]) / 2);
  const ends = [2 * centres[0] - inner[0], 2 * centres[centres.length - 1] - inner[inner.length - 1]];
  const [from, to] = state.axis === "relative" ? [Math.max(0, ends[0]), Math.min(100, ends[1])] : ends;
  return [from, ...inner, to];
}

// What a cell shows: its value, or how far it is from the row it is compared with.
function cellValues(choice, grid, row) {
  const series = cellSeries(choice, row);
  if (!series) return null;
  if (choice.show === "value") return series.value;
  const base = grid.rows.find((each) => each.at === null);
  const from = base ? cellSeries(choice, base) : null;
  return from ? series.value.map((value, at) => (value === null || from.value[at] == null ? null : value - from.value[at])) : null;
}

function colourRange(choice, grids) {
  const values = grids.flatMap((grid) => grid.rows.flatMap((row) => cellValues(choice, grid, row) || [])).filter((value) => value !== null);
  const least = values.reduce((best, value) => Math.min(best, value), Infinity);
  const most = values.reduce((best, value) => Math.max(best, value), -Infinity);
  if (choice.show === "value") return [least, most > least ? most : least + 1];
  const size = Math.max(Math.abs(least), Math.abs(most)) || 1;
  return [-size, size];
}

function cellHover(choice, name, row, series, at) {
  const cell = DATA.cells[row.cell];
  const unit = unitOf(choice.measure, choice.variant);
  const value = series.low ? withInterval(series.value[at], series.low[at], series.high[at]) : number(series.value[at]);
  return `<b>${value}</b>${unit ? ` ${plotText(unit)}` : ""}<br>${layerWords(cell, cell.layers[at])}, ${plotText(row.label)}<br>${plotText(shorten(name, 48))}`;
}

function buildHeat(choice, { place, grid }, order) {
  const title = [perturbationWords(grid), SEVERAL ? gridName(place, grid) : ""].filter(Boolean).join(" · ") || "Every layer at every step";
  const figure = makeFigure({
    id: `heat-${grid.axis}-${order}`, title: grid.axis === "cell" ? "Every layer of every cell" : title, kind: grid.axis === "cell" ? "wide" : "heat",
    click: (point) => pin(place, layerAt(place, point.x)),
    build: (colours) => {
      const rows = rowPlaces(grid, true);
      const known = rows.filter(({ row }) => (cellValues(choice, grid, row) || []).some((value) => value !== null));
      if (!known.length) return null;
      const [least, most] = colourRange(choice, choice.range === "shared" ? gridsAlong(grid.axis).map((each) => each.grid) : [grid]);
      const unit = unitOf(choice.measure, choice.variant);
      const data = blocksOf(known).map((block, at) => {
        const cells = block.map(({ row }) => DATA.cells[row.cell]);
        const text = block.map(({ row }, line) => cells[line].layers.map((_, layer) => cellHover(choice, gridName(place, grid), row, cellSeries(choice, row), layer)));
        return {
          type: "heatmap", x: layerEdges(cells[0]), y: [...block.map(({ from }) => from), block[block.length - 1].to], z: block.map(({ row }) => cellValues(choice, grid, row)), zmin: least, zmax: most,
          colorscale: choice.show === "value" ? colours.sequential : colours.diverging, hoverongaps: false, showscale: at === 0, text, hovertemplate: "%{text}<extra></extra>",
          colorbar: { title: { text: plotText(unit), side: "right", font: { size: 11, color: colours.soft } }, thickness: 9, len: 0.95, outlinewidth: 0, nticks: 5, tickfont: { size: 10, color: colours.soft } },
        };
      });
      const xs = data.flatMap((trace) => [trace.x[0], trace.x[trace.x.length - 1]]);
      const layout = baseLayout(colours, {
        xaxis: { ...depthAxis(colours, [RUNS[place]]), range: [Math.min(...xs), Math.max(...xs)] },
        yaxis: axisStyle(colours, { title: axisWords(grid), showgrid: false, range: [rows[0].from, rows[rows.length - 1].to], ...rowTicks(rows, grid.axis === "cell" ? 200 : 8), ticks: "outside", ticklen: 3 }),
        shapes: [heatPin(colours, place)], margin: { l: 56, r: 8, t: 8, b: 42 },
      });
      return { data, layout, words: heatWords(choice, place, grid) };
    },
  });
  if (grid.axis === "cell") figure.plot.style.height = `${Math.max(260, 90 + 18 * grid.rows.length)}px`;
  figure.empty = "These cells lack the measure.";
  figure.tell = () => tellHeat(figure, choice, place, grid);
  figure.move = () => window.Plotly.relayout(figure.plot, { shapes: [heatPin(theme(), place)] });
  return figure;
}

function heatPin(colours, place) {
  return { ...pinLine(colours, onAxis(RUNS[place], pinnedLayer(place))), layer: "above", line: { color: colours.pin, width: 1.5, dash: "2px,3px" } };
}

function measureWords(choice) {
  return `${DATA.measures[choice.measure].title}${choice.show === "value" ? "" : ", change"}`;
}

function heatWords(choice, place, grid) {
  const course = (row) => {
    const values = cellValues(choice, grid, row);
    return values ? number(values[pinnedPlace(DATA.cells[row.cell], place)]) : "unknown";
  };
  const [first, last] = rowEnds(grid);
  const all = grid.rows.flatMap((row) => (cellValues(choice, grid, row) || []).map((value, at) => [value, DATA.cells[row.cell].layers[at], row.label])).filter(([value]) => value !== null);
  const low = all.reduce((best, each) => (each[0] < best[0] ? each : best));
  const high = all.reduce((best, each) => (each[0] > best[0] ? each : best));
  const at = ([value, layer, label]) => `${number(value)} at layer ${layer}, ${label}`;
  return `${measureWords(choice)} of ${gridName(place, grid)} by layer and ${axisWords(grid) || "cell"}${grid.perturbation ? ` of ${perturbationWords(grid).toLowerCase()}` : ""}: at the pinned layer from ${course(first)} (${first.label}) to ${course(last)} (${last.label}); lowest ${at(low)}; highest ${at(high)}.`;
}

function tellHeat(figure, choice, place, grid) {
  figure.unit.textContent = unitOf(choice.measure, choice.variant);
  figure.detail.textContent = [measureWords(choice), DATA.variants[choice.variant].words].filter(Boolean).join(", ");
  const value = (row) => {
    const values = cellValues(choice, grid, row);
    return values ? number(values[pinnedPlace(DATA.cells[row.cell], place)]) : "–";
  };
  const [first, last] = rowEnds(grid);
  if (grid.axis === "cell") {
    figure.readout.replaceChildren(element("span", { text: `${Math.round(100 * fraction(RUNS[place], pinnedLayer(place)))} % of the depth` }));
    return;
  }
  figure.readout.replaceChildren(element("span", {}, element("b", { text: `${value(first)} → ${value(last)}` }), document.createTextNode(` at layer ${pinnedLayer(place)}, ${first.label} → ${last.label}`)));
}

function heatControls(axis, choice, redraw) {
  const box = document.getElementById(`${AXES[axis].section}-controls`);
  const cells = gridsAlong(axis).flatMap(({ grid }) => grid.rows.map((row) => DATA.cells[row.cell]));
  const names = Object.keys(DATA.measures).filter((measure) => cells.some((cell) => cell.series[measure]));
  const variants = (measure) => [...new Set(cells.flatMap((cell) => (cell.series[measure] || []).map((series) => series.variant)))];
  const compared = gridsAlong(axis).some(({ grid }) => grid.rows.some((row) => row.at === null) && axis !== "cell");
  const change = (name) => (value) => {
    choice[name] = value;
    if (name === "measure") [choice.variant] = variants(value);
    fill();
    redraw();
  };
  const fill = () => {
    box.replaceChildren(labelled("Measure", select(names.map((name) => [name, DATA.measures[name].title]), choice.measure, change("measure"))));
    const listed = variants(choice.measure);
    if (listed.length > 1) box.append(labelled("Variant", select(listed.map((variant) => [variant, DATA.variants[variant].words || variant]), choice.variant, change("variant"))));
    if (compared) box.append(labelled("Show", select([["value", "value"], ["change", `change from ${AXES[axis].base}`]], choice.show, change("show"))));
    if (gridsAlong(axis).length > 1) box.append(labelled("Colours", select([["shared", "one range for all"], ["own", "a range for each"]], choice.range, change("range"))));
  };
  choice.measure = names.includes("prompt_entropy") ? "prompt_entropy" : names[0];
  [choice.variant] = variants(choice.measure);
  fill();
}

function startHeat(axis) {
  const own = gridsAlong(axis);
  if (!own.length) return;
  const choice = { measure: "", variant: "", show: "value", range: "shared" };
  const made = heatFigures[axis];
  const tell = () => made.forEach((figure) => figure.tell());
  heatControls(axis, choice, () => {
    tell();
    made.forEach(invalidate);
  });
  const grid = document.getElementById(`${AXES[axis].section}-grid`);
  let heats = 0;
  [...new Set(own.map((each) => each.grid.perturbation))].forEach((perturbation, row) => {
    own.filter((each) => each.grid.perturbation === perturbation).forEach((each) => made.push(place(buildHeat(choice, each, heats++), grid)));
    if (axis !== "cell") made.push(place(buildAlong(choice, axis, perturbation, row), grid));
  });
  tell();
  on("view", tell);
  on("pin", () => {
    tell();
    made.forEach((figure) => (figure.move && figure.root.dataset.drawn && !figure.stale ? figure.move() : invalidate(figure)));
  });
}
