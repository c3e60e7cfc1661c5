// The pinned layer: eigenvalue spectrum, values of single prompts, and the prompts at each end.
const layerFigures = {};

function spectrumOf(run) {
  const variants = chosenVariants(run.spectra);
  return variants[0] || null;
}

function spectrumTrace(entry, colour, width, name, more = {}) {
  return {
    type: "scatter", mode: "lines", x: entry.index, y: entry.value.map((value) => (value > 1e-8 ? value : null)), name,
    line: { color: colour, width }, hovertemplate: `%{y:.3g} at place %{x}<extra>${name}</extra>`, showlegend: false, ...more,
  };
}

// The line α-ReQ is the slope of: solid where it was fitted, thinner beyond.
function exponentTraces(entry, colour) {
  const { first, last, exponent, height } = entry.law;
  const stretch = (ends, width, dash) => ({
    type: "scatter", mode: "lines", x: ends, y: ends.map((rank) => height * rank ** -exponent), line: { color: colour, width, dash },
    hoverinfo: "skip", showlegend: false,
  });
  return [stretch([1, entry.count], 1, "2px,4px"), stretch([first, last], 1.75, "7px,3px")];
}

function buildSpectrum() {
  const figure = makeFigure({
    id: "spectrum", title: "Eigenvalue spectrum", unit: "share of the trace", kind: "wide",
    build: (colours) => {
      const data = [];
      const annotations = [];
      const ends = [];
      const words = [];
      RUNS.forEach((run, place) => {
        const spectrum = spectrumOf(run);
        if (!spectrum) return;
        const colour = hue(colours, place);
        const layer = pinnedLayer(place);
        if (!SEVERAL) {
          const outer = new Set([run.layers[0], run.layers[run.layers.length - 1]]);
          [...outer].filter((each) => each !== layer && spectrum.layers[each]).forEach((each) => {
            const entry = spectrum.layers[each];
            data.push(spectrumTrace(entry, colours.axis, 1.25, `layer ${each}`));
            ends.push(lineEnd(entry, each === 0 ? "input" : `layer ${each}`, colours.soft));
          });
        }
        const entry = spectrum.layers[layer];
        if (!entry) return;
        const name = `${SEVERAL ? `${plotText(shorten(run.label, 32))}, ` : ""}layer ${layer}`;
        data.push(spectrumTrace(entry, colour, 2.25, name, { showlegend: true, customdata: entry.index.map(() => [place, layer]) }));
        const series = chosenSeries(run, "alpha_req");
        const at = run.layers.indexOf(layer);
        const alpha = series ? series.value[at] : null;
        ends.push(lineEnd(entry, `layer ${layer}`, colour));
        if (entry.law) {
          data.push(...exponentTraces(entry, SEVERAL ? colour : colours.ink));
          const slope = alpha === null ? number(entry.law.exponent) : withInterval(alpha, series.low[at], series.high[at]);
          annotations.push({
            xref: "paper", yref: "paper", x: 0.98, y: 0.99 - 0.075 * place, text: `α-ReQ ${slope}`, showarrow: false,
            xanchor: "right", yanchor: "top", font: { size: 12, color: SEVERAL ? colour : colours.ink },
          });
        }
        words.push(`${run.label}, layer ${layer}: ${entry.count} eigenvalues, the largest carries ${number(100 * entry.value[0])} % of the trace${alpha === null ? "" : `, and they fall with exponent ${number(alpha)}`}.`);
      });
      if (!words.length) return null;
      const floor = Math.min(...data.flatMap((trace) => (trace.name ? trace.y.filter((value) => value !== null && value > 1e-8) : [])));
      annotations.push(...endLabels(ends, 0.35 - Math.log10(floor)));
      const layout = baseLayout(colours, {
        xaxis: axisStyle(colours, { type: "log", title: "place in the spectrum", dtick: 1, exponentformat: "none" }),
        yaxis: axisStyle(colours, { type: "log", title: "share of the trace", dtick: 1, range: [Math.log10(floor) - 0.2, 0.15], exponentformat: "none" }),
        annotations, margin: { l: 62, r: 58, t: 8, b: 44 },
      });
      return { data, layout, words: words.join(" ") };
    },
  });
  figure.empty = "This run has no spectra for the pinned layer.";
  figure.tell = () => {
    figure.detail.textContent = "Centred covariance, log–log. Dashed: the power law whose slope is α-ReQ, bold where it was fitted.";
    figure.readout.replaceChildren(element("span", { text: RUNS.map((run, place) => layerWords(run, pinnedLayer(place))).filter((text, at, all) => all.indexOf(text) === at).join(" / ") }));
  };
  return figure;
}

function lineEnd(entry, text, colour) {
  let at = entry.value.length - 1;
  while (at > 0 && !(entry.value[at] > 1e-8)) at -= 1;
  return { x: Math.log10(entry.index[at]), y: Math.log10(entry.value[at]), text, colour };
}

// Names at the right ends of the lines, pushed apart where the ends meet.
function endLabels(ends, range) {
  const sorted = [...ends].sort((one, other) => one.y - other.y);
  sorted.forEach((end, at) => {
    end.shift = 0;
    const below = sorted[at - 1];
    if (!below) return;
    const apart = ((end.y - below.y) / range) * 270 + end.shift - below.shift;
    if (apart < 14) end.shift = below.shift + 14 - ((end.y - below.y) / range) * 270;
  });
  return sorted.map((end) => ({
    x: end.x, y: end.y, text: end.text, showarrow: false, xanchor: "left", xshift: 4, yshift: end.shift, font: { size: 11, color: end.colour },
  }));
}

// Distributions of the run chosen in the bar, for the measure chosen above them.
function distributionChoices() {
  return [...new Set(RUNS[state.run].distributions.map((entry) => entry.measure))];
}

function distributionOf(place) {
  const measure = distributionChoices()[state.distribution];
  const listed = RUNS[place].distributions.filter((entry) => entry.measure === measure);
  const tested = state.tested ? listed.find((entry) => testedModes(place, entry)) : null;
  return tested || chosenVariants(listed)[0] || null;
}

function buildHistogram() {
  const figure = makeFigure({
    id: "histogram", title: "Single prompts at the pinned layer", kind: "wide",
    build: (colours) => {
      const data = [];
      const words = [];
      RUNS.forEach((run, place) => {
        const entry = distributionOf(place);
        const layer = pinnedLayer(place);
        const own = entry && entry.layers[layer];
        if (!own) return;
        const colour = hue(colours, place);
        const { low, high, counts } = own.own;
        const width = (high - low || Math.abs(high) * 0.01 || 1) / counts.length;
        const start = high > low ? low : low - (width * counts.length) / 2;
        const edges = counts.map((_, at) => start + at * width);
        const share = counts.map((count) => (100 * count) / own.n);
        data.push({
          type: "scatter", mode: "lines", fill: "tozeroy", fillcolor: faint(colour, SEVERAL ? 0.14 : 0.3), name: plotText(run.label), showlegend: true,
          x: [edges[0], ...edges, start + width * counts.length, start + width * counts.length], y: [0, ...share, share[share.length - 1], 0],
          line: { color: colour, width: 1.5, shape: "hv" }, hovertemplate: "%{y:.1f} % of prompts from %{x:.3g}<extra></extra>",
        });
        words.push(`${run.label}, layer ${layer}: half of the ${own.n} prompts lie between ${number(own.quantiles[1])} and ${number(own.quantiles[3])}, the median is ${number(own.quantiles[2])}.`);
        if (!SEVERAL) figure.median = own.quantiles[2];
      });
      if (!words.length) return null;
      const modes = modeLines(state.run, distributionOf(state.run), pinnedLayer(state.run), colours);
      const shapes = SEVERAL ? modes.shapes : [{ ...pinLine(colours, figure.median), layer: "above" }, ...modes.shapes];
      const annotations = SEVERAL ? modes.annotations : [...modes.annotations, {
        x: figure.median, y: 1, yref: "paper", text: ` median ${number(figure.median)}`, showarrow: false, xanchor: "left", yanchor: "top",
        font: { size: 11, color: colours.soft },
      }];
      const layout = baseLayout(colours, {
        xaxis: axisStyle(colours, { title: figure.axis, ticks: "outside", ticklen: 4, showgrid: false }), annotations, shapes,
        yaxis: axisStyle(colours, { title: "prompts (%)", rangemode: "tozero" }), margin: { l: 52, r: 14, t: 8, b: 44 },
      });
      return { data, layout, words: words.join(" ") };
    },
  });
  figure.empty = "This run keeps no values of single prompts for the pinned layer.";
  return figure;
}

function buildHeatMap() {
  const figure = makeFigure({
    id: "prompts-by-layer", title: "Single prompts at every layer", kind: "wide",
    click: (point) => pin(state.run, layerAt(state.run, point.x)),
    build: (colours) => {
      const run = RUNS[state.run];
      const entry = distributionOf(state.run);
      if (!entry) return null;
      const layers = run.layers.filter((layer) => entry.layers[layer]);
      if (!layers.length) return null;
      const x = layers.map((layer) => onAxis(run, layer));
      const bins = entry.layers[layers[0]].shared.length;
      const step = (entry.high - entry.low || Math.abs(entry.high) * 0.01 || 1) / bins;
      const start = entry.high > entry.low ? entry.low : entry.low - (step * bins) / 2;
      const y = Array.from({ length: bins }, (_, at) => start + (at + 0.5) * step);
      const z = y.map((_, bin) => layers.map((layer) => (100 * entry.layers[layer].shared[bin]) / entry.layers[layer].n || null));
      // One crowded cell must not wash out the rest.
      const filled = z.flat().filter((share) => share).sort((one, other) => one - other);
      const colour = colours.ink;
      const quantile = (which, dash, width) => ({
        type: "scatter", mode: layers.length > 1 ? "lines" : "markers", x, y: layers.map((layer) => entry.layers[layer].quantiles[which]),
        line: { color: colour, width, dash }, marker: { color: colour, size: 6 }, hoverinfo: "skip", showlegend: false,
      });
      const heat = {
        type: "heatmap", x, y, z, zmin: 0, zmax: filled[Math.floor(0.985 * (filled.length - 1))] || 1, colorscale: colours.spread, hoverongaps: false,
        colorbar: { title: { text: "prompts (%)", side: "right", font: { size: 11, color: colours.soft } }, thickness: 9, len: 0.9, outlinewidth: 0, tickfont: { size: 10, color: colours.soft }, nticks: 4 },
        hovertemplate: `%{z:.1f} % of prompts near %{y:.3g}<br>${axisTitle()} %{x:.3~g}<extra></extra>`,
      };
      const axis = depthAxis(colours, [run]);
      const gap = layers.length > 1 ? x[1] - x[0] : 1;
      const layout = baseLayout(colours, {
        xaxis: { ...axis, range: [Math.min(...x) - gap / 2, Math.max(...x) + gap / 2] },
        yaxis: axisStyle(colours, { title: figure.axis, showgrid: false }), shapes: [{ ...pinLine(colours, onAxis(run, pinnedLayer(state.run))), layer: "above", line: { color: colours.pin, width: 1.5, dash: "2px,3px" } }],
        margin: { l: 56, r: 10, t: 8, b: 44 },
      });
      const ends = [layers[0], layers[layers.length - 1]].map((layer) => `${number(entry.layers[layer].quantiles[2])} at layer ${layer}`);
      return {
        data: [heat, quantile(0, "3px,3px", 1), quantile(2, "solid", 1.75), quantile(4, "3px,3px", 1), ...modeMarks(state.run, entry, start + step * bins, colours)], layout,
        words: `${figure.axis} of single prompts of ${run.label}, by layer: the median goes from ${ends.join(" to ")}.`,
      };
    },
  });
  figure.empty = "This run keeps no values of single prompts.";
  return figure;
}

function showExtremes() {
  const box = document.getElementById("extremes");
  const entry = distributionOf(state.run);
  const run = RUNS[state.run];
  const layer = pinnedLayer(state.run);
  const own = entry && entry.layers[layer];
  box.replaceChildren();
  if (!own) return;
  const title = DATA.measures[entry.measure].title;
  const column = (heading, prompts) => element(
    "div", { class: "extreme" }, element("h4", { text: heading }),
    ...prompts.map(([prompt, value]) => {
      const known = run.texts[prompt];
      const facts = [`${number(value)}`, `prompt ${prompt}`];
      if (known && known.tokens) facts.push(`${known.tokens} tokens`);
      if (known && known.label) facts.push(String(known.label));
      return element(
        "blockquote", {}, element("p", { class: "facts", text: facts.join(" · ") }),
        element("p", { class: known ? "prompt" : "prompt missing", text: known ? known.text : "The run keeps no text for this prompt." }),
      );
    }),
  );
  box.append(column(`Lowest ${title.toLowerCase()} at layer ${layer}`, own.least), column(`Highest ${title.toLowerCase()} at layer ${layer}`, own.most));
}

function buildDistributionControls() {
  const box = document.getElementById("layer-controls");
  const refill = () => {
    const choices = distributionChoices();
    box.replaceChildren();
    if (RUNS[state.run].distributions.some((entry) => testedModes(state.run, entry))) {
      const check = element("input", { type: "checkbox", checked: state.tested });
      check.addEventListener("change", () => {
        state.tested = check.checked;
        tellDistributions();
        [layerFigures.histogram, layerFigures.heat].forEach(invalidate);
      });
      box.append(element("label", { class: "control check" }, check, element("span", { text: "The values tested for two modes" })));
    }
    if (choices.length > 1) {
      const options = choices.map((measure, at) => [String(at), DATA.measures[measure] ? DATA.measures[measure].title : measure]);
      box.append(labelled("Values of single prompts", select(options, String(state.distribution), (value) => {
        state.distribution = Number(value);
        tellDistributions();
        [layerFigures.histogram, layerFigures.heat].forEach(invalidate);
      })));
    }
  };
  refill();
  on("panels", refill);
}

function tellDistributions() {
  const entry = distributionOf(state.run);
  const title = entry ? DATA.measures[entry.measure].title : "";
  const unit = entry ? unitOf(entry.measure, entry.variant) : "";
  const words = entry ? DATA.variants[entry.variant].words : "";
  [layerFigures.histogram, layerFigures.heat].forEach((figure) => {
    figure.axis = unit ? `${title} (${unit})` : title;
    figure.unit.textContent = unit;
  });
  layerFigures.histogram.detail.textContent = entry ? `${title}, ${words}. Share of the prompts in equal bins.` : "";
  layerFigures.heat.detail.textContent = entry ? `${title}, ${words}${SEVERAL ? `, of ${RUNS[state.run].label}` : ""}. Line: median; dashed: 5 % and 95 %.${testedModes(state.run, entry) ? " ▼: more than one mode." : ""}` : "";
  const tested = testedModes(state.run, entry);
  const found = tested && tested.layers[pinnedLayer(state.run)];
  layerFigures.histogram.readout.replaceChildren(
    element("span", { text: layerWords(RUNS[state.run], pinnedLayer(state.run)) }),
    ...(found ? [element("span", { text: dipWords(found) })] : []),
  );
  showModes();
  showExtremes();
}

function startLayer() {
  const grid = document.getElementById("layer-grid");
  layerFigures.spectrum = place(buildSpectrum(), grid);
  layerFigures.histogram = place(buildHistogram(), grid);
  layerFigures.heat = place(buildHeatMap(), document.getElementById("layer-wide"));
  layerFigures.heat.root.classList.add("full");
  buildDistributionControls();
  const tell = () => {
    layerFigures.spectrum.tell();
    tellDistributions();
  };
  tell();
  on("pin view panels", tell);
  on("pin", () => Object.values(layerFigures).forEach(invalidate));
}
