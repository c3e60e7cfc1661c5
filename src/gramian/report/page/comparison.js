// The figures of a comparison: the null distribution, the scales, and where two samples differ.
function barTrace(edges, heights, colour, more = {}) {
  return {
    type: "bar", x: heights.map((_, at) => (edges[at] + edges[at + 1]) / 2), y: heights, width: heights.map((_, at) => edges[at + 1] - edges[at]),
    text: heights.map((height, at) => `${number(edges[at])} to ${number(edges[at + 1])}: ${number(height)}`), textposition: "none", hovertemplate: "%{text}<extra></extra>",
    marker: { color: colour, line: { width: 0 } }, showlegend: false, ...more,
  };
}

function markedLine(colours, x, dash, strong) {
  return { type: "line", x0: x, x1: x, yref: "paper", y0: 0, y1: strong ? 0.9 : 0.78, line: { color: strong ? colours.ink : colours.soft, width: strong ? 2 : 1.25, dash } };
}

function markedWord(colours, x, height, text, range) {
  // Near the right end a word runs to the left, so that it stays inside.
  const right = x > range[0] + 0.72 * (range[1] - range[0]);
  return { x, y: height, yref: "paper", text, showarrow: false, xanchor: right ? "right" : "left", xshift: right ? -5 : 5, yanchor: "top", font: { size: 11.5, color: colours.ink } };
}

// A p-value has no more digits than permutations give it.
function share(value) {
  return String(Number(value.toPrecision(3)));
}

// Ticks of a logarithmic axis, each with its whole number: 1, 2 and 5 of every power of ten, or the powers alone where there are many.
function powerTicks(values) {
  const [low, high] = [Math.min(...values), Math.max(...values)];
  const powers = Array.from({ length: 1 + Math.ceil(Math.log10(high)) - Math.floor(Math.log10(low)) }, (_, at) => Math.floor(Math.log10(low)) + at);
  const chosen = high / low > 1000 ? [1] : [1, 2, 5];
  const ticks = powers.flatMap((power) => chosen.map((digit) => digit * 10 ** power)).filter((tick) => tick >= low / 1.6 && tick <= high * 1.6);
  return { tickmode: "array", tickvals: ticks, ticktext: ticks.map((tick) => (tick < 1e-4 || tick >= 1e6 ? tick.toExponential(0).replace("-", "−") : String(Number(tick.toPrecision(1))))) };
}

function nullFigure() {
  const { edges, counts, statistic, threshold, pvalue, unit } = DATA.null;
  return makeFigure({
    id: "null-distribution", title: "Statistic under permutation", unit, kind: "wide",
    detail: `${counts.reduce((sum, count) => sum + count, 0).toLocaleString("en")} deals of the labels. Solid line: the labels as given. Dashed: what p = ${DATA.level} needs.`,
    build: (colours) => {
      const ends = [edges[0], edges[edges.length - 1], statistic, ...(threshold === null ? [] : [threshold])];
      const room = 0.04 * (Math.max(...ends) - Math.min(...ends) || 1);
      const range = [Math.min(...ends) - room, Math.max(...ends) + room];
      const shapes = [markedLine(colours, statistic, "solid", true)];
      const annotations = [markedWord(colours, statistic, 0.99, `<b>${number(statistic)}</b>, p = ${share(pvalue)}`, range)];
      if (threshold !== null) {
        shapes.push(markedLine(colours, threshold, "4px,3px", false));
        annotations.push(markedWord(colours, threshold, 0.86, `level ${DATA.level}`, range));
      }
      const layout = baseLayout(colours, {
        xaxis: axisStyle(colours, { title: unit ? "divergence (nats)" : "statistic (combined over scales)", range, showgrid: false, ticks: "outside", ticklen: 4, nticks: 8 }),
        yaxis: axisStyle(colours, { title: "deals", rangemode: "tozero", nticks: 6 }), shapes, annotations, bargap: 0,
      });
      return { data: [barTrace(edges, counts, faint(hue(colours, 0), 0.45))], layout, words: `Histogram of the statistic under permutation, from ${number(edges[0])} to ${number(edges[edges.length - 1])}; observed ${number(statistic)}, p ${share(pvalue)}.` };
    },
  });
}

// A kernel without a bandwidth has no place on the axis; it stands in the table.
function scaleFigure() {
  const placed = DATA.scales.filter(({ bandwidth }) => bandwidth !== null);
  const kernels = [...new Set(placed.map(({ kernel }) => kernel))];
  const figure = makeFigure({
    id: "scales", title: "Divergence by bandwidth", unit: "nats", kind: "wide",
    detail: "Solid: as given. Dashed: the mean over deals, which is what finite samples give where nothing differs. Ring: the scale that stands out.",
    build: (colours) => {
      // Rounding can take a divergence of nothing below zero, where a logarithm has no place for it.
      const heights = placed.flatMap(({ divergence, expected }) => [divergence, expected]).filter((height) => height > 0);
      if (placed.length < 2 || !heights.length) return null;
      const data = kernels.flatMap((kernel, at) => {
        const own = placed.filter((scale) => scale.kernel === kernel).sort((one, other) => one.bandwidth - other.bandwidth);
        const colour = hue(colours, at === 0 ? 0 : at + 1);
        const x = own.map(({ bandwidth }) => bandwidth);
        const text = own.map((scale) => `<b>${plotText(kernel)}, bandwidth ${number(scale.bandwidth)}</b><br>divergence ${number(scale.divergence)}, expected ${number(scale.expected)}<br>p = ${share(scale.pvalue)} at this scale alone`);
        const common = { type: "scatter", x, text, hovertemplate: "%{text}<extra></extra>", showlegend: kernels.length > 1 };
        return [
          { ...common, y: own.map(({ expected }) => expected), mode: "lines", name: `${plotText(kernel)}, expected`, line: { color: colours.soft, width: 1.5, dash: DASHES[1] } },
          { ...common, y: own.map(({ divergence }) => divergence), mode: "lines+markers", name: plotText(kernel), line: { color: colour, width: 2 }, marker: { color: colour, size: 6, symbol: SYMBOLS[at % SYMBOLS.length] } },
        ];
      });
      const best = placed.filter(({ chosen }) => chosen);
      data.push({ type: "scatter", mode: "markers", x: best.map(({ bandwidth }) => bandwidth), y: best.map(({ divergence }) => divergence), hoverinfo: "skip", showlegend: false, marker: { symbol: "circle-open", size: 15, color: colours.ink, line: { width: 1.75, color: colours.ink } } });
      const layout = baseLayout(colours, {
        xaxis: axisStyle(colours, { title: "bandwidth", type: "log", showgrid: false, ticks: "outside", ticklen: 4, ...powerTicks(placed.map(({ bandwidth }) => bandwidth)) }),
        yaxis: axisStyle(colours, { title: "divergence (nats)", type: "log", ...powerTicks(heights) }),
        showlegend: kernels.length > 1, legend: { orientation: "h", x: 0, y: 1.02, yanchor: "bottom", font: { size: 11 } }, margin: { l: 60, r: 14, t: kernels.length > 1 ? 34 : 8, b: 42 },
      });
      const words = placed.map((scale) => `${scale.kernel} ${number(scale.bandwidth)}: ${number(scale.divergence)} against ${number(scale.expected)} expected`);
      return { data, layout, legend: kernels.length > 1, words: `Divergence by bandwidth. ${words.join("; ")}.` };
    },
  });
  figure.empty = "One scale was looked at.";
  return figure;
}

function coordinateFigure(found) {
  const shown = [...found.coordinates].reverse();
  return makeFigure({
    id: "coordinates", title: "Coordinates that carry it", unit: "%", kind: "bars",
    detail: found.of > shown.length ? `The ${shown.length} largest shares of ${found.of.toLocaleString("en")} coordinates.` : "Shares of the witness’s variation, less what chance gives; they add to 100 %.",
    build: (colours) => {
      const [one, other] = found.places.map((place) => plotText(shorten(DATA.names[place], 30)));
      const data = [{
        type: "bar", orientation: "h", x: shown.map(({ share }) => 100 * share), y: shown.map((_, at) => at), marker: { color: hue(colours, 0), line: { width: 0 } }, showlegend: false,
        text: shown.map(({ name, share, means }) => `<b>${plotText(name)}</b>: ${number(100 * share)} %<br>mean ${number(means[0])} in ${one}<br>mean ${number(means[1])} in ${other}`), textposition: "none", hovertemplate: "%{text}<extra></extra>",
      }];
      const layout = baseLayout(colours, {
        xaxis: axisStyle(colours, { title: "share of the difference (%)", rangemode: "tozero", nticks: 6 }),
        yaxis: axisStyle(colours, { tickmode: "array", tickvals: shown.map((_, at) => at), ticktext: shown.map(({ name }) => plotText(shorten(name, 26))), showgrid: false, fixedrange: true }), bargap: 0.28, margin: { l: 20, r: 14, t: 8, b: 42 },
      });
      return { data, layout, words: `Share of the difference by coordinate: ${[...shown].reverse().slice(0, 8).map(({ name, share }) => `${name} ${number(100 * share)} %`).join(", ")}.` };
    },
  });
}

function pictureFigure(found) {
  return makeFigure({
    id: "where-in-the-picture", title: "Where in the picture", unit: "% of the difference", kind: "bars", detail: "The share of every pixel, its channels together.",
    build: (colours) => {
      const z = found.picture.map((row) => row.map((share) => 100 * share));
      const data = [{ type: "heatmap", z, colorscale: colours.sequential, zmin: 0, hovertemplate: "row %{y}, column %{x}: %{z:.3g} %<extra></extra>", x: z[0].map((_, at) => at + 1), y: z.map((_, at) => at + 1), colorbar: { thickness: 10, outlinewidth: 0, tickfont: { size: 11, color: colours.soft } } }];
      const layout = baseLayout(colours, {
        xaxis: axisStyle(colours, { constrain: "domain", showgrid: false, nticks: 6 }),
        yaxis: axisStyle(colours, { autorange: "reversed", scaleanchor: "x", constrain: "domain", showgrid: false, nticks: 6 }), margin: { l: 34, r: 10, t: 8, b: 30 },
      });
      return { data, layout, words: "Share of the difference at every pixel." };
    },
  });
}

function cloudFigure(found) {
  const { x, y, clouds } = found.scatter;
  const part = clouds.filter((cloud) => cloud.x.length < cloud.of);
  const drawn = part.length ? ` Drawn: ${clouds.map((cloud) => `${cloud.x.length.toLocaleString("en")} of ${cloud.of.toLocaleString("en")}`).join(" and ")} points, at random.` : "";
  return makeFigure({
    id: "clouds", title: y === "witness" ? "The witness along the values" : "Along the most telling coordinates", kind: "bars", detail: `${found.places.map((place) => DATA.names[place]).join(" and ")}.${drawn}`,
    build: (colours) => {
      const dense = Math.max(...clouds.map((cloud) => cloud.x.length));
      const data = clouds.map((cloud, at) => {
        const place = found.places[at];
        const name = plotText(shorten(DATA.names[place], 40));
        return {
          type: "scatter", mode: "markers", x: cloud.x, y: cloud.y, name, showlegend: true,
          text: cloud.rows.map((row) => `<b>${plotText(shorten(row, 60))}</b> of ${name}`), hovertemplate: "%{text}<br>%{x:.4g}, %{y:.4g}<extra></extra>",
          marker: { color: faint(hue(colours, place), dense > 400 ? 0.5 : 0.72), size: dense > 400 ? 5 : 7, symbol: SYMBOLS[place % SYMBOLS.length], line: { width: 0 } },
        };
      });
      const layout = baseLayout(colours, {
        xaxis: axisStyle(colours, { title: plotText(shorten(x, 50)), nticks: 7 }), yaxis: axisStyle(colours, { title: plotText(shorten(y, 50)), nticks: 7 }),
        showlegend: true, legend: { orientation: "h", x: 0, y: 1.01, yanchor: "bottom", font: { size: 12 } }, margin: { l: 56, r: 14, t: 34, b: 44 },
      });
      return { data, layout, legend: true, words: `${clouds.map((cloud, at) => `${cloud.of} points of ${DATA.names[found.places[at]]}`).join(" and ")} along ${x} and ${y}.` };
    },
  });
}

function witnessFigure(found) {
  const { edges, shares } = found.witness;
  return makeFigure({
    id: "witness", title: "The witness in both samples", unit: "% of the points", kind: "wide", detail: "To the right: where the first is denser. Two heaps apart: most points show which sample they are of.",
    build: (colours) => {
      const data = shares.map((part, at) => {
        const place = found.places[at];
        return barTrace(edges, part.map((share) => 100 * share), faint(hue(colours, place), 0.5), { name: plotText(shorten(DATA.names[place], 40)), showlegend: true });
      });
      const layout = baseLayout(colours, {
        barmode: "overlay", bargap: 0,
        xaxis: axisStyle(colours, { title: "witness", showgrid: false, ticks: "outside", ticklen: 4, nticks: 8, zeroline: true, zerolinecolor: colours.axis }), yaxis: axisStyle(colours, { title: "points (%)", rangemode: "tozero", nticks: 6 }),
        showlegend: true, legend: { orientation: "h", x: 0, y: 1.02, yanchor: "bottom", font: { size: 12 } }, margin: { l: 50, r: 14, t: 34, b: 44 },
      });
      const means = shares.map((part, at) => `${DATA.names[found.places[at]]}: mean ${number(part.reduce((sum, share, bin) => sum + (share * (edges[bin] + edges[bin + 1])) / 2, 0))}`);
      return { data, layout, legend: true, words: `Distribution of the witness. ${means.join("; ")}.` };
    },
  });
}

loadPlotly().then(() => {
  const evidence = document.getElementById("evidence-grid");
  place(nullFigure(), evidence);
  if (DATA.scales.filter(({ bandwidth }) => bandwidth !== null).length > 1) place(scaleFigure(), evidence);
  const found = DATA.difference;
  if (found) {
    const where = document.getElementById("where-grid");
    if (found.picture) place(pictureFigure(found), where);
    else if (found.of > 1 && found.coordinates.length) place(coordinateFigure(found), where);
    if (found.scatter) place(cloudFigure(found), where);
    place(witnessFigure(found), document.getElementById("where-wide"));
  }
  on("theme", () => figures.forEach(invalidate));
  performance.mark("gramian-ready");
  document.documentElement.dataset.ready = "true";
}).catch((problem) => complain(problem.message));
