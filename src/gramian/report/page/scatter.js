// Do the measures point at the layers that score well? Every measure with every task, and one pair in detail.
const scatterFigures = {};

function againstVariant(run, measure) {
  const listed = run.series[measure] || [];
  return listed.find((series) => series.variant === state.against.variant) || chosenSeries(run, measure);
}

function againstTasks() {
  return state.against.tasks === "all" ? TASKS.map((_, task) => task) : [Number(state.against.tasks)];
}

function againstReading(owner) {
  const known = Object.values(RUNS[owner].scores.tasks).some((listed) => listed.some((series) => series.variant === state.against.reading));
  return known ? state.against.reading : RUNS[owner].scores.reading;
}

function againstTitle(tasks) {
  return tasks.length === 1 ? TASKS[tasks[0]].name : "Mean over all tasks";
}

// Scores of the model of a run at the layers of that run.
function scoresAlong(place, tasks) {
  const owner = scoreOwner(place);
  if (owner === null) return null;
  const series = meanScores(owner, tasks, againstReading(owner));
  if (!series) return null;
  const column = (name) => RUNS[place].layers.map((layer) => series[name][RUNS[owner].layers.indexOf(layer)] ?? null);
  return { value: column("value"), low: column("low"), high: column("high") };
}

// The coefficient with its interval as `gramian recommend` computed it, for the very pair that is drawn.
function recordedAgreement(place, measure, variant, tasks) {
  const { recommendation } = RUNS[place];
  if (!recommendation || tasks.length > 1) return null;
  const reading = againstReading(scoreOwner(place));
  return recommendation.agreement.find((one) => one.measure === measure && one.variant === variant && one.task === TASKS[tasks[0]].name && one.reading === reading) || null;
}

function agreementWords(place, measure, variant, tasks, rho) {
  const recorded = recordedAgreement(place, measure, variant, tasks);
  if (!recorded || recorded.spearman === null) return rho === null ? "" : `ρ = ${number(rho)}`;
  const { spearman, spearman_low: low, spearman_high: high } = recorded;
  return `ρ = ${number(spearman)}${low === null || high === null ? "" : `, 95 % interval ${number(low)} to ${number(high)}`}`;
}

function scoredMeasures() {
  const run = RUNS[state.run];
  return measuresInOrder().filter((measure) => chosenSeries(run, measure) && !state.hidden.has(measure));
}

function buildScoreMatrix() {
  const figure = makeFigure({
    id: "measures-by-tasks", title: "Rank correlation with the scores", unit: "Spearman’s ρ", kind: "square",
    click: (point) => {
      if (!point.customdata) return;
      const [measure, tasks] = point.customdata;
      Object.assign(state.against, { measure, tasks, variant: "" });
      announce("scores");
    },
    build: (colours) => {
      const run = RUNS[state.run];
      const names = scoredMeasures();
      const columns = [...(TASKS.length > 1 ? ["all"] : []), ...TASKS.map((_, task) => String(task))];
      const titles = columns.map((column) => (column === "all" ? "Mean over tasks" : TASKS[Number(column)].name));
      const scores = columns.map((column) => scoresAlong(state.run, column === "all" ? TASKS.map((_, task) => task) : [Number(column)]));
      const z = names.map((measure) => scores.map((score) => (score ? rankCorrelation(chosenSeries(run, measure).value, score.value) : null)));
      if (!z.flat().some((each) => each !== null)) return null;
      const narrow = figure.plot.clientWidth < 520;
      const most = narrow ? 15 : 26;
      const size = narrow || columns.length > 16 ? 9 : 11;
      const layout = baseLayout(colours, {
        xaxis: axisStyle(colours, { tickvals: columns.map((_, at) => at), ticktext: titles.map((title) => plotText(shorten(title, most))), tickangle: columns.length > 2 ? -90 : 0, showgrid: false, tickfont: { size, color: colours.soft } }),
        yaxis: axisStyle(colours, { tickvals: names.map((_, at) => at), ticktext: names.map((measure) => plotText(shorten(DATA.measures[measure].title, most))), autorange: "reversed", showgrid: false, tickfont: { size: narrow ? 9 : 11, color: colours.soft } }),
        margin: { l: 20, r: 8, t: 8, b: 20 },
      });
      const heat = {
        type: "heatmap", x: columns.map((_, at) => at), y: names.map((_, at) => at), z, zmin: -1, zmax: 1, colorscale: colours.diverging, xgap: 1.5, ygap: 1.5, hoverongaps: false,
        customdata: names.map((measure) => columns.map((column) => [measure, column])),
        text: names.map((measure, row) => titles.map((title, column) => `${plotText(DATA.measures[measure].title)}<br>${plotText(shorten(title, 60))}<br><b>ρ = ${number(z[row][column])}</b>`)),
        hovertemplate: "%{text}<extra></extra>", showscale: !narrow, colorbar: correlationBar(colours),
      };
      if (columns.length <= 12 && !narrow) layout.annotations = correlationNumbers(z, colours);
      const found = z.flatMap((row, at) => row.map((value, column) => [value, names[at], titles[column]])).filter(([value]) => value !== null);
      const strongest = found.reduce((best, each) => (Math.abs(each[0]) > Math.abs(best[0]) ? each : best));
      const split = TASKS.length > 1 ? names.filter((_, at) => z[at].slice(1).some((value) => value > 0) && z[at].slice(1).some((value) => value < 0)).length : 0;
      const words = `Rank correlation of ${names.length} measures with the scores of ${TASKS.length} tasks over the layers of ${run.label}; the strongest is ${number(strongest[0])}, between ${DATA.measures[strongest[1]].title} and ${strongest[2]}.${split ? ` The sign differs between tasks for ${split} measures.` : ""}`;
      return { data: [heat], layout, words };
    },
  });
  figure.empty = "Needs scores and a measure of one run on at least four layers.";
  figure.tell = () => {
    const owner = scoreOwner(state.run);
    const reading = owner === null ? "" : `Scores: ${readingWords(againstReading(owner))}. `;
    figure.detail.textContent = `${SEVERAL ? `${RUNS[state.run].label}. ` : ""}${reading}Neighbouring layers are alike, so no p-values are given. Click a cell to see the pair.`;
  };
  return figure;
}

function buildScatter() {
  const figure = makeFigure({
    id: "measure-against-score", title: "Measure against score", kind: "square",
    click: (point) => point.customdata !== undefined && pin(state.run, point.customdata),
    build: (colours) => {
      const run = RUNS[state.run];
      const { measure } = state.against;
      const tasks = againstTasks();
      const across = measure ? againstVariant(run, measure) : null;
      const up = across ? scoresAlong(state.run, tasks) : null;
      if (!up) return null;
      const shown = run.layers.map((_, at) => at).filter((at) => across.value[at] !== null && up.value[at] !== null);
      if (!shown.length) return null;
      const unit = unitOf(measure, across.variant);
      const layout = baseLayout(colours, {
        xaxis: axisStyle(colours, { title: plotText(`${DATA.measures[measure].title}${unit ? ` (${unit})` : ""}`) }),
        yaxis: axisStyle(colours, { title: plotText(shorten(tasks.length > 1 ? "mean main score" : `${againstTitle(tasks)}, ${TASKS[tasks[0]].metric.replace(/_/g, " ")}`, 60)) }),
        margin: { l: 60, r: 20, t: 12, b: 48 },
      });
      const words = agreementWords(state.run, measure, across.variant, tasks, rankCorrelation(across.value, up.value));
      return {
        data: [layerMarks(run, shown, [across, up], colours)], layout,
        words: `${againstTitle(tasks)} against ${DATA.measures[measure].title}, one mark for each of ${shown.length} layers of ${run.label}${words ? `; rank correlation ${words}` : ""}.`,
      };
    },
  });
  figure.empty = "The chosen run lacks the measure or the scores.";
  figure.tell = () => {
    const run = RUNS[state.run];
    const { measure } = state.against;
    const across = measure ? againstVariant(run, measure) : null;
    const up = across ? scoresAlong(state.run, againstTasks()) : null;
    const rho = up ? rankCorrelation(across.value, up.value) : null;
    figure.readout.replaceChildren(element("span", { text: up ? agreementWords(state.run, measure, across.variant, againstTasks(), rho) : "" }));
    const owner = scoreOwner(state.run);
    const recorded = up ? recordedAgreement(state.run, measure, across.variant, againstTasks()) : null;
    const made = recorded && recorded.spearman !== null ? " ρ from the recommendation, block bootstrap over layers." : "";
    figure.detail.textContent = up ? `${SEVERAL ? `${run.label}. ` : ""}${DATA.variants[across.variant].words || "one variant"}; scores: ${readingWords(againstReading(owner))}. One mark per layer, darker with depth.${made}` : "";
  };
  return figure;
}

function scatterControls() {
  const box = document.getElementById("scatter-controls");
  const run = RUNS[state.run];
  const names = Object.keys(DATA.measures).filter((measure) => run.series[measure]);
  const { against } = state;
  if (!names.includes(against.measure)) against.measure = ["augmentation_dime", "prompt_entropy"].find((name) => names.includes(name)) || names[0] || null;
  box.replaceChildren();
  if (scoreOwner(state.run) === null || !against.measure) return;
  const change = (name) => (value) => {
    against[name] = value;
    if (name === "measure") against.variant = "";
    announce("scores");
  };
  box.append(labelled("Measure", select(names.map((name) => [name, DATA.measures[name].title]), against.measure, change("measure"))));
  const listed = run.series[against.measure];
  if (listed.length > 1) {
    const options = listed.map((series) => [series.variant, DATA.variants[series.variant].words || series.variant]);
    box.append(labelled("Variant", select(options, againstVariant(run, against.measure).variant, change("variant"))));
  }
  const owner = scoreOwner(state.run);
  const own = READINGS.filter((reading) => TASKS.some((_, task) => scoreSeries(owner, task, reading)));
  if (own.length > 1) box.append(labelled("Scores by", select(own.map((reading) => [reading, readingWords(reading)]), againstReading(owner), change("reading"))));
  if (TASKS.length > 1) {
    box.append(labelled("Task", select([["all", "mean over all tasks"], ...TASKS.map((task, at) => [String(at), task.name])], against.tasks, change("tasks"))));
  }
}

function startScatter() {
  if (!SCORED.length) return;
  const grid = document.getElementById("scatter-grid");
  state.against.tasks = TASKS.length > 1 ? "all" : "0";
  scatterFigures.matrix = place(buildScoreMatrix(), grid);
  scatterFigures.pair = place(buildScatter(), grid);
  const tell = () => {
    scatterControls();
    Object.values(scatterFigures).forEach((figure) => figure.tell());
  };
  tell();
  on("view panels scores", tell);
  on("panels scores", () => Object.values(scatterFigures).forEach(invalidate));
  on("pin", () => invalidate(scatterFigures.pair));
}
