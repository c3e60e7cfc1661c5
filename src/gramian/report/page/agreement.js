// Do the measures order the layers alike? Rank correlations of every pair, and one pair in detail.
const agreementFigures = {};

function ranks(values) {
  const order = values.map((_, at) => at).sort((one, other) => values[one] - values[other]);
  const made = new Array(values.length);
  for (let start = 0; start < order.length; ) {
    let stop = start;
    while (stop + 1 < order.length && values[order[stop + 1]] === values[order[start]]) stop += 1;
    for (let at = start; at <= stop; at += 1) made[order[at]] = (start + stop) / 2;
    start = stop + 1;
  }
  return made;
}

// Spearman's coefficient over the layers that have both values; null below four layers or for a constant.
function rankCorrelation(first, second) {
  const both = first.map((_, at) => at).filter((at) => first[at] !== null && second[at] !== null);
  if (both.length < 4) return null;
  const [one, other] = [first, second].map((values) => ranks(both.map((at) => values[at])));
  const middle = (both.length - 1) / 2;
  let product = 0;
  let square = 0;
  let otherSquare = 0;
  one.forEach((rank, at) => {
    product += (rank - middle) * (other[at] - middle);
    square += (rank - middle) ** 2;
    otherSquare += (other[at] - middle) ** 2;
  });
  return square && otherSquare ? product / Math.sqrt(square * otherSquare) : null;
}

function correlationBar(colours) {
  return { thickness: 9, len: 0.9, outlinewidth: 0, tickvals: [-1, -0.5, 0, 0.5, 1], ticktext: ["−1", "−0.5", "0", "0.5", "1"], tickfont: { size: 10, color: colours.soft } };
}

function correlationNumbers(z, colours) {
  const ink = (value) => (value !== null && Math.abs(value) > 0.6 && colours === THEMES.light ? "#ffffff" : value !== null && Math.abs(value) > 0.75 ? "#14171b" : colours.ink);
  return z.flatMap((row, at) => row.map((value, other) => ({
    x: other, y: at, text: value === null ? "" : value.toFixed(2).replace("-", "−").replace("0.", "."), showarrow: false, font: { size: 10, color: ink(value) },
  })));
}

function comparable() {
  const run = RUNS[state.run];
  return measuresInOrder().filter((measure) => chosenSeries(run, measure) && !state.hidden.has(measure));
}

function buildMatrix() {
  const figure = makeFigure({
    id: "rank-correlation", title: "Rank correlation over layers", unit: "Spearman’s ρ", kind: "square",
    click: (point) => point.customdata && choosePair(point.customdata),
    build: (colours) => {
      const run = RUNS[state.run];
      const names = comparable();
      const values = names.map((measure) => chosenSeries(run, measure).value);
      const z = values.map((first, row) => values.map((second, column) => (row === column ? null : rankCorrelation(first, second))));
      const found = z.flat().filter((each) => each !== null);
      if (!found.length) return null;
      const titles = names.map((measure) => shorten(DATA.measures[measure].title, 26));
      const places = names.map((_, at) => at);
      const narrow = figure.plot.clientWidth < 520;
      const layout = baseLayout(colours, {
        xaxis: axisStyle(colours, { tickvals: places, ticktext: titles.map((title) => plotText(narrow ? shorten(title, 15) : title)), tickangle: -90, showgrid: false, side: "bottom", constrain: "domain", tickfont: { size: narrow ? 9 : 11, color: colours.soft } }),
        yaxis: axisStyle(colours, { tickvals: places, ticktext: titles.map((title) => plotText(narrow ? shorten(title, 15) : title)), autorange: "reversed", showgrid: false, tickfont: { size: narrow ? 9 : 11, color: colours.soft } }),
        margin: { l: 20, r: 8, t: 8, b: 20 },
      });
      const heat = {
        type: "heatmap", x: places, y: places, z, zmin: -1, zmax: 1, colorscale: colours.diverging, xgap: 1.5, ygap: 1.5, hoverongaps: false,
        customdata: names.map((row) => names.map((column) => [row, column])),
        text: names.map((row, at) => names.map((column, other) => `${plotText(DATA.measures[row].title)}<br>${plotText(DATA.measures[column].title)}<br><b>ρ = ${z[at][other] === null ? "–" : number(z[at][other])}</b>`)),
        hovertemplate: "%{text}<extra></extra>",
        texttemplate: "", showscale: !narrow,
        colorbar: correlationBar(colours),
      };
      if (names.length <= 14 && !narrow) layout.annotations = correlationNumbers(z, colours);
      const pairs = z.flatMap((row, at) => row.map((value, other) => [value, names[at], names[other]]).slice(at + 1)).filter(([value]) => value !== null);
      const strongest = pairs.reduce((best, each) => (Math.abs(each[0]) > Math.abs(best[0]) ? each : best));
      const words = `Rank correlation between ${names.length} measures over the layers of ${run.label}; the strongest is ${number(strongest[0])}, between ${DATA.measures[strongest[1]].title} and ${DATA.measures[strongest[2]].title}.`;
      return { data: [heat], layout, words };
    },
  });
  figure.empty = "Needs at least two measures on at least four layers.";
  return figure;
}

function choosePair([row, column]) {
  state.pair = [row, column];
  pairControls();
  tellAgreement();
  invalidate(agreementFigures.pair);
}

// One mark for each layer, darker with depth, the pinned one larger; every few are named.
function layerMarks(run, shown, [across, up], colours) {
  const colour = hue(colours, state.run);
  const pinned = pinnedLayer(state.run);
  const step = layerStep(run.depth || 1);
  const isPinned = (at) => run.layers[at] === pinned;
  const ends = (series, side, drawn) => shown.map((at) => (series[drawn] || series[side])[at]);
  const bars = (series) => ({ ...intervalBars(shown.map((at) => series.value[at]), ends(series, "low", "drawnLow"), ends(series, "high", "drawnHigh"), faint(colour, 0.3)), width: 0 });
  return {
    type: "scatter", mode: "lines+markers+text", x: shown.map((at) => across.value[at]), y: shown.map((at) => up.value[at]),
    text: shown.map((at) => (isPinned(at) || run.layers[at] % step === 0 ? String(run.layers[at]) : "")), textposition: "top right",
    textfont: { size: shown.map((at) => (isPinned(at) ? 14 : 11)), color: shown.map((at) => (isPinned(at) ? colours.ink : colours.soft)) },
    customdata: shown.map((at) => run.layers[at]), line: { color: faint(colour, 0.28), width: 1 },
    marker: {
      size: shown.map((at) => (isPinned(at) ? 13 : 7)), color: shown.map((at) => faint(colour, 0.25 + 0.75 * fraction(run, run.layers[at]))),
      line: { color: shown.map((at) => (isPinned(at) ? colours.ink : colour)), width: shown.map((at) => (isPinned(at) ? 2 : 0.75)) },
    },
    error_x: bars(across), error_y: bars(up), hovertemplate: "layer %{customdata}<br>%{x:.4g}, %{y:.4g}<extra></extra>",
  };
}

function buildPair() {
  const figure = makeFigure({
    id: "measure-against-measure", title: "One measure against another", kind: "square",
    click: (point) => point.customdata !== undefined && pin(state.run, point.customdata),
    build: (colours) => {
      const run = RUNS[state.run];
      const [across, up] = state.pair.map((measure) => chosenSeries(run, measure));
      if (!across || !up) return null;
      const shown = run.layers.map((_, at) => at).filter((at) => across.value[at] !== null && up.value[at] !== null);
      if (!shown.length) return null;
      const axis = (measure, series) => {
        const unit = unitOf(measure, series.variant);
        return `${DATA.measures[measure].title}${unit ? ` (${unit})` : ""}`;
      };
      const layout = baseLayout(colours, {
        xaxis: axisStyle(colours, { title: axis(state.pair[0], across) }), yaxis: axisStyle(colours, { title: axis(state.pair[1], up) }),
        margin: { l: 60, r: 20, t: 12, b: 48 },
      });
      const rho = rankCorrelation(across.value, up.value);
      const words = `${DATA.measures[state.pair[1]].title} against ${DATA.measures[state.pair[0]].title}, one mark for each of ${shown.length} layers of ${run.label}${rho === null ? "" : `; rank correlation ${number(rho)}`}.`;
      return { data: [layerMarks(run, shown, [across, up], colours)], layout, words };
    },
  });
  figure.empty = "The run lacks one of the two measures.";
  return figure;
}

function pairControls() {
  const box = document.getElementById("agreement-controls");
  const names = Object.keys(DATA.measures).filter((measure) => RUNS[state.run].series[measure]);
  state.pair = state.pair.map((measure, at) => (names.includes(measure) ? measure : names[Math.min(at, names.length - 1)]));
  const options = names.map((measure) => [measure, DATA.measures[measure].title]);
  box.replaceChildren(...["Across", "Up"].map((label, at) => labelled(label, select(options, state.pair[at], (value) => {
    state.pair[at] = value;
    tellAgreement();
    invalidate(agreementFigures.pair);
  }))));
}

function tellAgreement() {
  const run = RUNS[state.run];
  const whose = SEVERAL ? `${run.label}. ` : "";
  agreementFigures.matrix.detail.textContent = `${whose}Residual stream, ${run.layers.length} layers. Neighbouring layers are alike, so no p-values are given. Click a cell to see the pair.`;
  const [across, up] = state.pair.map((measure) => chosenSeries(run, measure));
  const rho = across && up ? rankCorrelation(across.value, up.value) : null;
  agreementFigures.pair.detail.textContent = `${whose}One mark per layer, darker with depth; bars are 95 % intervals.`;
  agreementFigures.pair.readout.replaceChildren(element("span", { text: rho === null ? "" : `ρ = ${number(rho)}` }));
}

function startAgreement() {
  const names = Object.keys(DATA.measures);
  state.pair = [names.includes("prompt_entropy") ? "prompt_entropy" : names[0], ["lidar", "effective_rank", "curvature"].find((name) => names.includes(name)) || names[names.length - 1]];
  const grid = document.getElementById("agreement-grid");
  agreementFigures.matrix = place(buildMatrix(), grid);
  agreementFigures.pair = place(buildPair(), grid);
  pairControls();
  tellAgreement();
  on("view", tellAgreement);
  on("panels", () => {
    pairControls();
    tellAgreement();
    Object.values(agreementFigures).forEach(invalidate);
  });
  on("pin", () => invalidate(agreementFigures.pair));
}
