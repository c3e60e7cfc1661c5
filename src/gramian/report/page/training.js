// Curves along a training: what was logged, and what was read off the spectra. One small figure each, one moment marked in all.
const AXIS_WORDS = { epoch: "epoch", step: "step", views: "image views", seconds: "seconds of training" };
const SOURCES = DATA.sources;

Object.assign(state, { along: DATA.axes[0], source: SOURCES.includes("embeddings") ? "embeddings" : SOURCES[0], at: Infinity, scale: "share", ranks: "log" });
listeners.moment = [];

// All moments at which some run was looked at, on the chosen axis; the slider goes over them.
function moments() {
  const found = RUNS.flatMap((run) => (run.films[state.source] || { [state.along]: [] })[state.along]);
  return [...new Set(found)].filter((each) => each !== null).sort((one, other) => one - other);
}

function moment() {
  const all = moments();
  return all.length ? all[Math.min(state.at, all.length - 1)] : null;
}

function momentWords() {
  const x = moment();
  return x === null ? "" : `${AXIS_WORDS[state.along]} ${count(x)}`;
}

function count(value) {
  return value >= 1000 ? Math.round(value).toLocaleString("en") : String(Number(value.toPrecision(4)));
}

function goTo(x) {
  const all = moments();
  if (!all.length) return;
  state.at = all.reduce((best, each, at) => (Math.abs(each - x) < Math.abs(all[best] - x) ? at : best), 0);
  announce("moment");
}

function momentShapes(colours) {
  const x = moment();
  return x === null ? [] : [pinLine(colours, x)];
}

function shownValues(curve, unit) {
  return curve.value.map((value) => (value === null ? null : unit === "%" ? 100 * value : value));
}

function runCourse(run, xs, values) {
  const known = xs.map((x, at) => [x, values[at]]).filter(([, value]) => value !== null);
  if (!known.length) return `${run.label}: no finite value.`;
  const [first, last] = [known[0], known[known.length - 1]];
  const low = known.reduce((best, entry) => (entry[1] < best[1] ? entry : best));
  const high = known.reduce((best, entry) => (entry[1] > best[1] ? entry : best));
  return `${run.label}: from ${number(first[1])} to ${number(last[1])} at ${AXIS_WORDS[state.along]} ${count(last[0])}; lowest ${number(low[1])} at ${count(low[0])}, highest ${number(high[1])} at ${count(high[0])}.`;
}

// The last value at or before the marked moment.
function valueAt(curve, values) {
  const x = moment();
  let found = null;
  curve[state.along].forEach((each, at) => {
    if (values[at] !== null && (x === null || each <= x + 1e-9)) found = values[at];
  });
  return found;
}

function buildCurve({ id, title, unit, detail, curveOf }) {
  const drawn = () => RUNS.map((run, place) => [place, curveOf(run)]).filter(([, curve]) => curve);
  const figure = makeFigure({
    id, title, unit, kind: "small", click: (point) => goTo(point.x),
    build: (colours) => {
      const own = drawn();
      const data = own.map(([place, curve]) => {
        const values = shownValues(curve, unit);
        const few = values.length <= 40;
        const run = RUNS[place];
        return {
          type: "scatter", mode: few ? "lines+markers" : "lines", connectgaps: false, name: plotText(run.label), showlegend: SEVERAL, x: curve[state.along], y: values,
          text: values.map((value, at) => `${SEVERAL ? `${plotText(shorten(run.label, 48))}<br>` : ""}<b>${number(value)}</b>${unit ? ` ${plotText(unit)}` : ""}<br>${AXIS_WORDS[state.along]} ${curve[state.along][at] === null ? "–" : count(curve[state.along][at])}`),
          hovertemplate: "%{text}<extra></extra>", line: { color: hue(colours, place), width: 1.75 },
          marker: { color: hue(colours, place), size: SEVERAL ? 5 : 4, symbol: SYMBOLS[place % SYMBOLS.length] },
        };
      });
      if (!data.some(({ y }) => y.some((value) => value !== null))) return null;
      const words = own.map(([place, curve]) => runCourse(RUNS[place], curve[state.along], shownValues(curve, unit)));
      const layout = baseLayout(colours, {
        xaxis: axisStyle(colours, { title: AXIS_WORDS[state.along], showgrid: false, ticks: "outside", ticklen: 4, nticks: 6, rangemode: "tozero" }),
        yaxis: axisStyle(colours, { nticks: 5 }), shapes: momentShapes(colours), hovermode: "closest", uirevision: state.along,
      });
      return { data, layout, words: `${title}${unit ? `, in ${unit}` : ""}. ${words.join(" ")}` };
    },
  });
  figure.empty = "Logged, but without a finite value.";
  figure.tell = () => {
    const averaged = drawn().map(([, curve]) => curve.averaged).find(Boolean);
    figure.detail.textContent = [detail, averaged ? `means of ${averaged} values` : ""].filter(Boolean).join("; ");
    figure.readout.replaceChildren(...drawn().map(([place, curve]) =>
      element("span", { class: SEVERAL ? `run-${place % 6}` : null, title: RUNS[place].label }, element("b", { text: number(valueAt(curve, shownValues(curve, unit))) })),
    ));
  };
  return figure;
}

const curveFigures = [];
let spectrumFigures = [];

function layOutCurves() {
  const grid = document.getElementById("curves-grid");
  Object.entries(DATA.metrics).forEach(([metric, facts]) => {
    curveFigures.push(place(buildCurve({ id: `metric-${metric}`, title: facts.title, unit: facts.unit, detail: "", curveOf: (run) => run.curves[metric] }), grid));
  });
}

function layOutSpectra() {
  const grid = document.getElementById("spectra-grid");
  if (!grid) return;
  spectrumFigures.forEach(dispose);
  spectrumFigures = DATA.spectra
    .filter(({ key }) => RUNS.some((run) => ((run.measured[state.source] || {})[key] || { value: [] }).value.some((value) => value !== null)))
    .map((facts) => place(buildCurve({ ...facts, id: `spectrum-${facts.slug}`, curveOf: (run) => (run.measured[state.source] || {})[facts.key] }), grid));
  spectrumFigures.forEach((figure) => figure.tell());
}

function buildAxisControl() {
  if (DATA.axes.length < 2) return;
  document.getElementById("curves-controls").append(labelled("Horizontal axis", select(DATA.axes.map((axis) => [axis, AXIS_WORDS[axis]]), state.along, (value) => {
    const all = moments();
    const share = all.length > 1 ? Math.min(state.at, all.length - 1) / (all.length - 1) : 1;
    state.along = value;
    state.at = Math.round(share * Math.max(0, moments().length - 1));
    announce("view");
    announce("moment");
  })));
}

function markMoment() {
  [...curveFigures, ...spectrumFigures].forEach((figure) => {
    figure.tell();
    // Moving the line is all that changes here.
    if (figure.root.dataset.drawn && !figure.stale) window.Plotly.relayout(figure.plot, { shapes: momentShapes(theme()) });
  });
}

function linkPanels() {
  document.querySelectorAll("a[data-panel]").forEach((link) => link.addEventListener("click", (event) => {
    const target = document.getElementById(link.dataset.panel);
    if (!target) return;
    event.preventDefault();
    target.scrollIntoView({ block: "center" });
    target.focus({ preventScroll: true });
  }));
}

function startTraining() {
  buildAxisControl();
  buildFilmBar();
  linkPanels();
  loadPlotly().then(() => {
    layOutCurves();
    startFilm();
    layOutSpectra();
    on("moment", markMoment);
    on("panels", layOutSpectra);
    on("view theme", () => figures.forEach(invalidate));
    announce("moment");
    performance.mark("gramian-ready");
    document.documentElement.dataset.ready = "true";
  }).catch((problem) => complain(problem.message));
}
