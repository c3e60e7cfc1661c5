// One small figure for each measure along the depth, all with the same horizontal axis.
const depthFigures = new Map();

function finalOnAxis(run) {
  const most = state.axis === "relative" ? 100 : Math.max(...RUNS.map((each) => each.depth));
  return onAxis(run, run.depth) + (most ? 0.045 * most : 0.1);
}

// A band with gaps: one closed outline for each stretch of layers that have an interval.
function bandTraces(run, series, colour) {
  const stretches = [[]];
  run.layers.forEach((layer, at) => {
    if (series.drawnLow[at] === null || series.drawnHigh[at] === null) stretches.push([]);
    else stretches[stretches.length - 1].push(at);
  });
  return stretches.filter((stretch) => stretch.length > 1).map((stretch) => {
    const back = [...stretch].reverse();
    return {
      type: "scatter", mode: "lines", fill: "toself", fillcolor: faint(colour, 0.18), line: { width: 0 }, hoverinfo: "skip",
      showlegend: false, x: [...stretch, ...back].map((at) => onAxis(run, run.layers[at])),
      y: [...stretch.map((at) => series.drawnHigh[at]), ...back.map((at) => series.drawnLow[at])],
    };
  });
}

function hoverText(run, measure, series, at) {
  const unit = unitOf(measure, series.variant);
  const count = Array.isArray(series.n) ? series.n[at] : series.n;
  const lines = [`<b>${number(series.value[at])}</b>${unit ? ` ${plotText(unit)}` : ""}, ${layerWords(run, run.layers[at])}`];
  if (series.drawnLow[at] !== null && series.drawnHigh[at] !== null) {
    lines.push(`95 % interval ${number(series.drawnLow[at])} to ${number(series.drawnHigh[at])}`);
  }
  if (count) lines.push(`${count} prompts`);
  if (SEVERAL) lines.unshift(plotText(shorten(run.label, 48)));
  return lines.join("<br>");
}

function curveTraces(place, measure, series, colours, second) {
  const run = RUNS[place];
  const colour = hue(colours, place);
  const single = run.layers.length < 3;
  const traces = bandTraces(run, series, colour);
  traces.push({
    type: "scatter", mode: "lines+markers", connectgaps: false, name: plotText(run.label) + (second ? ", without the first token" : ""),
    showlegend: true, x: run.layers.map((layer) => onAxis(run, layer)), y: series.value,
    customdata: run.layers.map((layer) => [place, layer]), text: run.layers.map((_, at) => hoverText(run, measure, series, at)),
    hovertemplate: "%{text}<extra></extra>",
    line: { color: colour, width: second ? 1.5 : 2, dash: second ? "4px,3px" : "solid" },
    marker: { color: colour, size: single ? 9 : SEVERAL ? 5 : 4, symbol: SYMBOLS[place % SYMBOLS.length] },
    error_y: single ? intervalBars(series.value, series.drawnLow, series.drawnHigh, colour) : { visible: false },
  });
  if (series.final && series.final.value !== null) {
    const { value, low, high } = series.final;
    traces.push({
      type: "scatter", mode: "markers", x: [finalOnAxis(run)], y: [value], customdata: [[place, run.depth]], showlegend: false,
      text: [`<b>${withInterval(value, low, high)}</b> after the final norm${SEVERAL ? `<br>${plotText(shorten(run.label, 48))}` : ""}`],
      hovertemplate: "%{text}<extra></extra>", cliponaxis: false,
      marker: { symbol: "diamond-open", size: 9, color: colour, line: { width: 1.75, color: colour } },
      error_y: intervalBars([value], [series.final.drawnLow], [series.final.drawnHigh], colour),
    });
  }
  return traces;
}

function intervalBars(value, low, high, colour) {
  if (!low.some((each) => each !== null)) return { visible: false };
  return {
    type: "data", symmetric: false, thickness: 1.25, width: 3, color: colour,
    array: value.map((each, at) => (high[at] === null || each === null ? 0 : Math.max(0, high[at] - each))),
    arrayminus: value.map((each, at) => (low[at] === null || each === null ? 0 : Math.max(0, each - low[at]))),
  };
}

// With both variants drawn, the second is named where the two lie furthest apart, on its own side.
function secondLabel(place, pair, colours) {
  if (pair.length < 2 || place > 0) return [];
  const run = RUNS[place];
  const gaps = pair[0].value.map((value, at) => (value === null || pair[1].value[at] === null ? -1 : Math.abs(value - pair[1].value[at])));
  const at = gaps.indexOf(Math.max(...gaps));
  if (gaps[at] <= 0) return [];
  const above = pair[1].value[at] > pair[0].value[at];
  return [{
    x: onAxis(run, run.layers[at]), y: pair[1].value[at], text: "without first token", showarrow: false,
    yshift: above ? 17 : -17, font: { size: 11, color: hue(colours, place) },
  }];
}

function depthAxis(colours, runs) {
  const relative = state.axis === "relative";
  const most = relative ? 100 : Math.max(1, ...runs.map((run) => run.depth));
  if (!runs.some((run) => run.depth)) {
    return axisStyle(colours, { title: "layer", range: [-0.5, 0.6], tickvals: [0], showgrid: false });
  }
  return axisStyle(colours, {
    title: relative ? "relative depth (%)" : "layer", range: [-0.025 * most, 1.07 * most], tick0: 0,
    dtick: relative ? 25 : layerStep(most), showgrid: false, ticks: "outside", ticklen: 4,
  });
}

function layerStep(most) {
  return [1, 2, 4, 5, 6, 8, 10, 12, 16, 20].find((step) => most / step <= 8) || Math.ceil(most / 80) * 10;
}

function buildDepthFigure(measure) {
  const drawn = () => RUNS.map((run, place) => [place, chosenVariants(run.series[measure])]).filter(([, pair]) => pair.length);
  const figure = makeFigure({
    id: `m-${measure}`, title: DATA.measures[measure].title, kind: "small",
    click: (point) => point.customdata && pin(...point.customdata),
    build: (colours) => {
      const chosen = drawn();
      if (!chosen.some(([, pair]) => pair.some((series) => series.value.some((value) => value !== null) || series.final))) return null;
      const data = [];
      const annotations = [];
      chosen.forEach(([place, pair]) => {
        pair.forEach((series, which) => data.push(...curveTraces(place, measure, series, colours, which > 0)));
        annotations.push(...secondLabel(place, pair, colours));
      });
      const words = chosen.map(([place, pair]) => trendWords(RUNS[place], measure, pair[0])).join(" ");
      const layout = baseLayout(colours, {
        xaxis: depthAxis(colours, RUNS), yaxis: axisStyle(colours, { nticks: 5 }), annotations,
        shapes: [pinLine(colours, pinnedOnAxis())], hovermode: "x", hoverdistance: 30, uirevision: state.axis,
      });
      return { data, layout, words };
    },
  });
  figure.empty = "Measured, but without a finite value at any layer.";
  figure.tell = () => {
    const chosen = drawn();
    if (!chosen.length) return;
    const [, pair] = chosen[0];
    figure.unit.textContent = unitOf(measure, pair[0].variant);
    const words = DATA.variants[pair[0].variant].words;
    figure.detail.textContent = pair.length > 1 ? `${words}; dashed: without the first` : words;
    figure.readout.replaceChildren(...chosen.map(([place, shown]) => readoutLine(place, shown[0])));
  };
  return figure;
}

function readoutLine(place, series) {
  const run = RUNS[place];
  const layer = pinnedLayer(place);
  const at = run.layers.indexOf(layer);
  const value = withInterval(series.value[at], series.low[at], series.high[at]);
  return element(
    "span", { class: `run-${place % 6}`, title: run.label },
    element("b", { text: value }), document.createTextNode(` at layer ${layer}`),
  );
}

function layOutDepth() {
  const grid = document.getElementById("depth-grid");
  const wanted = measuresInOrder().filter((measure) => !state.hidden.has(measure));
  depthFigures.forEach((figure, measure) => {
    if (!wanted.includes(measure)) {
      dispose(figure);
      depthFigures.delete(measure);
    }
  });
  wanted.forEach((measure) => {
    if (!depthFigures.has(measure)) depthFigures.set(measure, buildDepthFigure(measure));
    place(depthFigures.get(measure), grid);
    depthFigures.get(measure).tell();
  });
  document.getElementById("depth-none").hidden = wanted.length > 0;
}

function startDepth() {
  layOutDepth();
  on("panels", layOutDepth);
  on("view", () => depthFigures.forEach((figure) => figure.tell()));
  on("pin", () => depthFigures.forEach((figure) => {
    figure.tell();
    // Moving the line is all a pin changes here; redrawing twenty figures for it would be felt.
    if (figure.root.dataset.drawn && !figure.stale) {
      window.Plotly.relayout(figure.plot, { shapes: [pinLine(theme(), pinnedOnAxis())] });
    }
  }));
}
