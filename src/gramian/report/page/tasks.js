// Scores against depth: one small figure for each task, or for the mean of several, with the best and the recommended layer.
const taskFigures = new Map();

function taskCurves(group) {
  const tasks = group.tasks.length > 1 ? sharedTasks(group.tasks) : group.tasks;
  return SCORED.flatMap((place) =>
    shownReadings()
      .map((reading) => ({ place, reading, series: meanScores(place, tasks, reading) }))
      .filter(({ series }) => series && (series.final || series.value.some((value) => value !== null))),
  );
}

// The curve that marks and words are about: the recommended reading where it is drawn, else the one that reaches highest.
function leadingCurve(curves, place) {
  const own = curves.filter((curve) => curve.place === place);
  const peak = (curve) => bestAndLast(place, curve.series).best.value;
  return own.find((curve) => curve.reading === RUNS[place].scores.reading) || own.reduce((best, curve) => (peak(curve) > peak(best) ? curve : best), own[0]);
}

function recommendedOf(place) {
  const found = RUNS.find((run) => run.recommendation && run.scores && run.scores.owner === place);
  return found ? found.recommendation.recommended : null;
}

function scoreHover(curve, at) {
  const run = RUNS[curve.place];
  const { value, low, high } = curve.series;
  const lines = [`<b>${withInterval(value[at], low[at], high[at])}</b>, ${layerWords(run, run.layers[at])}`, plotText(readingWords(curve.reading))];
  if (SCORED.length > 1) lines.unshift(plotText(shorten(run.label, 48)));
  return lines.join("<br>");
}

function scoreTraces(curve, colours, crowded) {
  const run = RUNS[curve.place];
  const colour = hue(colours, curve.place);
  const { series } = curve;
  const name = [SCORED.length > 1 ? run.label : "", readingWords(curve.reading)].filter(Boolean).join(", ");
  const traces = crowded ? [] : bandTraces(run, series, colour);
  traces.push({
    // Marks on every layer would hide the dashes.
    type: "scatter", mode: dashOf(curve.reading) === "solid" || SCORED.length > 1 ? "lines+markers" : "lines", connectgaps: false, name: plotText(name), showlegend: true,
    x: run.layers.map((layer) => onAxis(run, layer)), y: series.value, customdata: run.layers.map((layer) => [curve.place, layer]),
    text: run.layers.map((_, at) => scoreHover(curve, at)), hovertemplate: "%{text}<extra></extra>",
    line: { color: colour, width: 2, dash: dashOf(curve.reading) }, marker: { color: colour, size: SCORED.length > 1 ? 6 : 4, symbol: SYMBOLS[curve.place % SYMBOLS.length], maxdisplayed: SCORED.length > 1 ? 6 : 0 },
  });
  if (series.final) {
    const { value, low, high } = series.final;
    traces.push({
      type: "scatter", mode: "markers", x: [finalOnAxis(run)], y: [value], customdata: [[curve.place, run.depth]], showlegend: false,
      text: [`<b>${withInterval(value, low, high)}</b> after the final norm<br>${plotText(readingWords(curve.reading))}`],
      hovertemplate: "%{text}<extra></extra>", cliponaxis: false, marker: { symbol: "diamond-open", size: 9, color: colour, line: { width: 1.75, color: colour } },
      error_y: intervalBars([value], [low], [high], colour),
    });
  }
  return traces;
}

// A ring around the best stream, a star on the recommended one; with one run both are named, and a line shows the last score.
function scoreMarks(curve, curves, colours) {
  const run = RUNS[curve.place];
  const colour = hue(colours, curve.place);
  const { best, last, streams } = bestAndLast(curve.place, curve.series);
  if (streams < 2) return { data: [], annotations: [], shapes: [] };
  const xOf = (stream) => (stream.final ? finalOnAxis(run) : onAxis(run, stream.layer));
  const mark = (x, y, symbol, size, fill) => ({
    type: "scatter", mode: "markers", x: [x], y: [y], showlegend: false, hoverinfo: "skip", cliponaxis: false,
    marker: { symbol, size, color: fill, line: { width: 1.75, color: colours.ink } },
  });
  const data = [mark(xOf(best), best.value, "circle-open", 13, colour)];
  const annotations = [];
  const shapes = [];
  const recommended = recommendedOf(curve.place);
  const at = recommended ? run.layers.indexOf(recommended.layer) : -1;
  const score = at >= 0 ? curve.series.value[at] : null;
  if (score !== null) data.push({ ...mark(onAxis(run, recommended.layer), score, "star", 12, colours.paper), name: "recommended layer" });
  if (SCORED.length === 1) {
    const both = score !== null && !best.final && recommended.layer === best.layer;
    const label = (x, y, text, shift) => ({
      x, y, text, showarrow: false, yshift: shift, font: { size: 11, color: colours.ink }, bgcolor: faint(colours.paper, 0.75), borderpad: 1,
      xanchor: x > 0.8 * onAxis(run, run.depth) ? "right" : x < 0.2 * onAxis(run, run.depth) ? "left" : "center",
    });
    annotations.push(label(xOf(best), best.value, `best: ${best.final ? "◇" : best.layer}${both ? ", recommended" : ""}`, 17));
    if (score !== null && !both) annotations.push(label(onAxis(run, recommended.layer), score, `recommended: ${recommended.layer}`, -18));
    shapes.push({ type: "line", xref: "paper", x0: 0, x1: 1, y0: last.value, y1: last.value, layer: "below", line: { color: colours.soft, width: 1, dash: "1px,3px" } });
    annotations.push({ x: clearestPlace(curves, last.value), y: last.value, text: "last", showarrow: false, xanchor: "center", yanchor: "bottom", font: { size: 10, color: colours.soft } });
  }
  return { data, annotations, shapes };
}

// The layer at which a height is furthest from every curve: there a word beside a line is over nothing.
function clearestPlace(curves, height) {
  const run = RUNS[curves[0].place];
  // A curve that crosses beside a layer is as much in the way as one that passes there.
  const near = (series, at) => {
    const around = [at - 1, at, at + 1].map((each) => series.value[each]).filter((value) => value !== null && value !== undefined).map((value) => value - height);
    return around.some((gap) => gap > 0) && around.some((gap) => gap < 0) ? 0 : Math.min(...around.map(Math.abs));
  };
  const room = run.layers.map((_, at) => Math.min(...curves.map(({ series }) => near(series, at))));
  return onAxis(run, run.layers[room.indexOf(Math.max(...room))]);
}

// Where the mean over raw tokens is mostly the first one: shaded, while that reading is drawn.
function swallowedShade(colours) {
  const place = SCORED[0];
  const layers = SCORED.length === 1 && state.readings.has(RAW_MEAN) ? RUNS[place].scores.swallowed : [];
  if (!layers.length) return [];
  const run = RUNS[place];
  const half = 0.5 * (onAxis(run, run.depth) / (run.depth || 1));
  const stretches = [];
  layers.forEach((layer) => {
    const open = stretches[stretches.length - 1];
    if (open && run.layers.indexOf(layer) === run.layers.indexOf(open[1]) + 1) open[1] = layer;
    else stretches.push([layer, layer]);
  });
  return stretches.map(([from, to]) => ({
    type: "rect", yref: "paper", y0: 0, y1: 1, x0: onAxis(run, from) - half, x1: onAxis(run, to) + half, layer: "below", line: { width: 0 }, fillcolor: faint(colours.pin, 0.055),
  }));
}

function buildTaskFigure(group) {
  const figure = makeFigure({
    id: group.key, title: group.title, unit: group.tasks.length === 1 ? TASKS[group.tasks[0]].metric.replace(/_/g, " ") : "main score", kind: "small",
    click: (point) => point.customdata && pin(...point.customdata),
    build: (colours) => {
      const curves = taskCurves(group);
      if (!curves.length) return null;
      const data = curves.flatMap((curve) => scoreTraces(curve, colours, curves.length > 4));
      const annotations = [];
      figure.behind = swallowedShade(colours);
      SCORED.map((place) => leadingCurve(curves, place)).filter(Boolean).forEach((curve) => {
        const marks = scoreMarks(curve, curves, colours);
        data.push(...marks.data);
        annotations.push(...marks.annotations);
        figure.behind.push(...marks.shapes);
      });
      const layout = baseLayout(colours, {
        xaxis: depthAxis(colours, SCORED.map((place) => RUNS[place])), yaxis: axisStyle(colours, { nticks: 5 }), annotations,
        shapes: [pinLine(colours, pinnedOnAxis()), ...figure.behind], hovermode: "x", hoverdistance: 30, uirevision: state.axis, margin: { l: 46, r: 14, t: 16, b: 40 },
      });
      return { data, layout, words: scoreWords(group, curves), legend: true };
    },
  });
  figure.empty = group.tasks.length > 1 ? "No task is shared by all curves." : "Not scored by the chosen readings.";
  figure.tell = () => tellTask(figure, group);
  return figure;
}

function scoreWords(group, curves) {
  const what = group.tasks.length === 1 ? group.title : `${group.title} (${group.tasks.length} tasks)`;
  return curves.map((curve) => {
    const { best, last } = bestAndLast(curve.place, curve.series);
    return `${what}, ${readingWords(curve.reading)}, of ${RUNS[curve.place].label}: ${courseWords(RUNS[curve.place], curve.series)}; best ${number(best.value)} at ${streamWords(best)}, last ${number(last.value)}.`;
  }).join(" ");
}

function dashSample(reading) {
  const space = "http://www.w3.org/2000/svg";
  const [drawing, line] = ["svg", "line"].map((tag) => document.createElementNS(space, tag));
  Object.entries({ width: 30, height: 8, "aria-hidden": "true", class: "dash" }).forEach(([name, value]) => drawing.setAttribute(name, value));
  const dash = dashOf(reading) === "solid" ? "none" : dashOf(reading).replace(/px/g, "");
  Object.entries({ x1: 1, x2: 29, y1: 4, y2: 4, stroke: "currentColor", "stroke-width": 2, "stroke-dasharray": dash }).forEach(([name, value]) => line.setAttribute(name, value));
  drawing.append(line);
  return drawing;
}

function tellTask(figure, group) {
  const curves = taskCurves(group);
  const used = curves.length ? curves[0].series.tasks.length : group.tasks.length;
  const task = TASKS[group.tasks[0]];
  const averaged = used < group.tasks.length ? `Mean over the ${used} tasks, of ${group.tasks.length}, that all curves share` : `Mean over ${used} tasks`;
  const own = [task.type, task.parts > 1 ? `mean over ${task.parts} subsets` : ""].filter(Boolean).join(", ");
  const where = SCORED.length > 1 || !curves.length ? "" : `at layer ${pinnedLayer(curves[0].place)}`;
  figure.detail.textContent = [group.tasks.length > 1 ? averaged : own, where].filter(Boolean).join(" · ");
  figure.readout.replaceChildren(...curves.map((curve) => {
    const layer = pinnedLayer(curve.place);
    const at = RUNS[curve.place].layers.indexOf(layer);
    const value = withInterval(curve.series.value[at], curve.series.low[at], curve.series.high[at]);
    return element(
      "span", { class: `run-${curve.place % 6} scored`, title: `${RUNS[curve.place].label}, ${readingWords(curve.reading)}` },
      dashSample(curve.reading), element("b", { text: value }), element("small", { text: `${SCORED.length > 1 ? `layer ${layer}, ` : ""}${readingWords(curve.reading)}` }),
    );
  }));
}

function layOutTasks() {
  const grid = document.getElementById("task-grid");
  taskFigures.forEach(dispose);
  taskFigures.clear();
  taskGroups().forEach((group) => {
    const figure = buildTaskFigure(group);
    taskFigures.set(group.key, figure);
    place(figure, grid);
    figure.tell();
  });
}

function buildTaskControls() {
  const box = document.getElementById("task-controls");
  const views = taskViews();
  if (views.length > 1) {
    box.append(labelled("Panels", select(views, state.taskView, (value) => {
      state.taskView = value;
      layOutTasks();
    })));
  }
  if (READINGS.length > 1) box.append(readingChooser());
}

function readingChooser() {
  const summary = element("summary", {});
  const count = () => (summary.textContent = `Readings: ${state.readings.size} of ${READINGS.length}`);
  const boxes = READINGS.map((reading) => {
    const check = element("input", { type: "checkbox", checked: state.readings.has(reading), value: reading });
    check.addEventListener("change", () => {
      if (check.checked) state.readings.add(reading);
      else state.readings.delete(reading);
      count();
      announce("scores");
    });
    return element("label", {}, check, dashSample(reading), document.createTextNode(readingWords(reading)));
  });
  count();
  return element("details", { class: "chooser" }, summary, element("div", { class: "chooser-list" }, ...boxes));
}

function tellSwallowed() {
  const note = document.getElementById("task-note");
  const place = SCORED[0];
  const layers = SCORED.length === 1 && READINGS.includes(RAW_MEAN) ? RUNS[place].scores.swallowed : [];
  note.hidden = !layers.length;
  if (layers.length) {
    note.textContent = `Shaded, ${layers.length > 1 ? "layers" : "layer"} ${layerRanges(layers)}: the mean over raw tokens is mostly the first token there, so its curve scores that token. ${READINGS.includes(WITHOUT_FIRST) ? "The curve without it stands beside it." : "Score again with --pooling mean_no_first for the curve without it."}`;
  }
}

function startTasks() {
  if (!SCORED.length) return;
  buildTaskControls();
  layOutTasks();
  tellSwallowed();
  const tell = () => taskFigures.forEach((figure) => figure.tell());
  on("view scores", tell);
  on("scores", () => taskFigures.forEach(invalidate));
  on("pin", () => taskFigures.forEach((figure) => {
    figure.tell();
    if (figure.root.dataset.drawn && !figure.stale) {
      window.Plotly.relayout(figure.plot, { shapes: [pinLine(theme(), pinnedOnAxis()), ...(figure.behind || [])] });
    }
  }));
}
