// The film: sorted eigenvalues at one moment, over where they began; a slider and a button that plays it once through.
const FRAME_MILLISECONDS = 120;
let playing = null;

function frameAt(film) {
  const x = moment();
  let found = 0;
  film[state.along].forEach((each, at) => {
    if (each !== null && x !== null && each <= x + 1e-9) found = at;
  });
  return found;
}

function heights(film, frame) {
  const total = film.totals[frame];
  // Rounding is no eigenvalue, and a logarithm has no place for nothing.
  const least = 1e-12 * Math.max(...film.frames[frame].map((value) => value || 0));
  return film.frames[frame].map((value) => (value === null || !(value > least) ? null : state.scale === "share" ? value / total : value));
}

function filmRange(films) {
  const all = films.flatMap((film) => film.frames.flatMap((_, frame) => heights(film, frame))).filter((value) => value !== null);
  if (!all.length) return null;
  const most = all.reduce((best, value) => Math.max(best, value));
  const least = Math.max(all.reduce((best, value) => Math.min(best, value)), most * 1e-9);
  const room = 0.04 * Math.log10(most / least) + 0.05;
  return [Math.log10(least) - room, Math.log10(most) + room];
}

let filmFigure = null;
let held = {};

// The range is that of the whole film, so that nothing moves but the eigenvalues; it is found once for each choice.
function heldRange(films) {
  const key = `${state.source} ${state.scale}`;
  if (held.key !== key) held = { key, range: filmRange(films) };
  return held.range;
}

function buildFilm() {
  const shown = () => RUNS.map((run, place) => [place, run.films[state.source]]).filter(([, film]) => film && film.frames.length);
  const figure = makeFigure({
    id: "film", title: "Eigenvalues of the covariance", kind: "full",
    build: (colours) => {
      const own = shown();
      const range = own.length ? heldRange(own.map(([, film]) => film)) : null;
      if (!range) return null;
      const data = own.flatMap(([place, film]) => {
        const run = RUNS[place];
        const colour = hue(colours, place);
        const frame = frameAt(film);
        const now = heights(film, frame);
        const few = film.ranks.length <= 24;
        return [
          { type: "scatter", mode: "lines", x: film.ranks, y: heights(film, 0), hoverinfo: "skip", showlegend: false, line: { color: faint(colour, 0.6), width: 1.25, dash: "2px,3px" } },
          {
            type: "scatter", mode: few ? "lines+markers" : "lines", x: film.ranks, y: now, name: plotText(run.label), showlegend: SEVERAL,
            text: now.map((value, at) => `${SEVERAL ? `${plotText(shorten(run.label, 48))}<br>` : ""}<b>${number(value)}</b>${state.scale === "share" ? " of the variance" : ""}<br>eigenvalue ${film.ranks[at]} of ${film.of}, step ${count(film.step[frame])}`),
            hovertemplate: "%{text}<extra></extra>", line: { color: colour, width: 2.25 }, marker: { color: colour, size: 5, symbol: SYMBOLS[place % SYMBOLS.length] },
          },
        ];
      });
      const most = Math.max(...own.map(([, film]) => film.of), 2);
      const horizontal = state.ranks === "log" ? { type: "log", range: [-0.02, Math.log10(most) + 0.03], ...rankTicks(most) } : { range: [0, most * 1.02] };
      const layout = baseLayout(colours, {
        xaxis: axisStyle(colours, { title: "rank of the eigenvalue", showgrid: false, ticks: "outside", ticklen: 4, ...horizontal }),
        yaxis: axisStyle(colours, { title: state.scale === "share" ? "share of the variance" : "eigenvalue (squared units)", type: "log", range, exponentformat: "power", dtick: Math.max(1, Math.ceil((range[1] - range[0]) / 7)) }),
        margin: { l: 62, r: 14, t: 8, b: 44 }, uirevision: `${state.source} ${state.scale} ${state.ranks}`,
      });
      const words = own.map(([place, film]) => {
        const now = heights(film, frameAt(film)).filter((value) => value !== null);
        return now.length ? `${RUNS[place].label}, step ${count(film.step[frameAt(film)])}: the first is ${number(now[0])}, the last ${number(now[now.length - 1])}` : `${RUNS[place].label}: no variance`;
      });
      return { data, layout, words: `Sorted eigenvalues of ${state.source} at ${momentWords()}. ${words.join("; ")}.` };
    },
  });
  figure.empty = "The embeddings have no variance at any look.";
  figure.tell = () => {
    const films = shown();
    const samples = films.some(([, film]) => film.looks > film.frames.length) ? ` ${films[0][1].frames.length} of ${films[0][1].looks} looks are shown.` : "";
    figure.detail.textContent = `Solid: now. Dotted: where it began.${samples}`;
    figure.unit.textContent = state.source || "";
    figure.readout.replaceChildren(...films.map(([place, film]) => element("span", { class: SEVERAL ? `run-${place % 6}` : null, title: RUNS[place].label }, element("b", { text: `step ${count(film.step[frameAt(film)])}` }))));
  };
  return figure;
}

function rankTicks(most) {
  const ticks = [];
  for (let power = 1; power <= most; power *= 10) [1, 2, 5].forEach((digit) => digit * power <= most && ticks.push(digit * power));
  return { tickmode: "array", tickvals: ticks, ticktext: ticks.map(String) };
}

function buildFilmBar() {
  const bar = document.getElementById("filmbar");
  if (!bar || moments().length < 2) return;
  const slider = element("input", { type: "range", min: "0", step: "1", id: "film-slider", "aria-label": "Moment of the training" });
  const output = element("output", { for: "film-slider" });
  const play = element("button", { type: "button", class: "step", id: "film-play", onclick: () => (playing ? stopFilm() : playFilm()) });
  const move = (by) => () => {
    stopFilm();
    state.at = Math.max(0, Math.min(moments().length - 1, Math.min(state.at, moments().length - 1) + by));
    announce("moment");
  };
  const before = element("button", { type: "button", class: "step", text: "‹", "aria-label": "One look earlier", onclick: move(-1) });
  const after = element("button", { type: "button", class: "step", text: "›", "aria-label": "One look later", onclick: move(1) });
  slider.addEventListener("input", () => {
    stopFilm();
    state.at = Number(slider.value);
    announce("moment");
  });
  bar.append(play, element("div", { class: "stepper" }, before, slider, after), output);
  on("moment", () => {
    const last = moments().length - 1;
    slider.max = String(last);
    slider.value = String(Math.min(state.at, last));
    slider.setAttribute("aria-valuetext", momentWords());
    output.textContent = momentWords();
    play.textContent = playing ? "❚❚" : "▶";
    play.setAttribute("aria-label", playing ? "Stop the film" : "Play the film");
  });
}

function playFilm() {
  if (state.at >= moments().length - 1) state.at = 0;
  playing = setInterval(() => {
    state.at += 1;
    if (state.at >= moments().length - 1) stopFilm();
    announce("moment");
  }, FRAME_MILLISECONDS);
  announce("moment");
}

function stopFilm() {
  clearInterval(playing);
  playing = null;
}

function buildFilmControls() {
  const box = document.getElementById("film-controls");
  if (SOURCES.length > 1) {
    box.append(labelled("Vectors", select(SOURCES.map((source) => [source, source]), state.source, (value) => {
      state.source = value;
      state.at = Math.min(state.at, Math.max(0, moments().length - 1));
      announce("panels");
      announce("view");
      announce("moment");
    })));
  }
  const choose = (key) => (value) => {
    state[key] = value;
    invalidate(filmFigure);
  };
  box.append(labelled("Eigenvalues", select([["share", "shares of the variance"], ["value", "as they are"]], state.scale, choose("scale"))));
  box.append(labelled("Ranks", select([["log", "logarithmic"], ["linear", "linear"]], state.ranks, choose("ranks"))));
}

function startFilm() {
  const grid = document.getElementById("film-grid");
  if (!grid) return;
  buildFilmControls();
  filmFigure = place(buildFilm(), grid);
  on("moment", () => {
    filmFigure.tell();
    invalidate(filmFigure);
  });
}
