// Two modes among the prompts of a layer: what the dip test of `gramian bimodality` found, marked on the distributions.
function testedModes(place, entry) {
  const { modes } = RUNS[place];
  return modes && entry && modes.measure === entry.measure && modes.variant === entry.variant ? modes : null;
}

function modeLines(place, entry, layer, colours) {
  const tested = testedModes(place, entry);
  const found = tested && tested.layers[layer];
  if (!found || !found.bimodal) return { shapes: [], annotations: [] };
  const shown = found.modes.filter(({ mean }) => mean !== null);
  return {
    shapes: shown.map(({ mean }) => ({ type: "line", x0: mean, x1: mean, yref: "paper", y0: 0, y1: 0.86, line: { color: colours.ink, width: 1.25, dash: "7px,3px" } })),
    annotations: shown.map(({ mean, weight }) => ({ x: mean, y: 0.86, yref: "paper", text: `${number(mean)} (${Math.round(100 * weight)} %)`, showarrow: false, yanchor: "bottom", font: { size: 11, color: colours.ink } })),
  };
}

// Triangles above the layers whose values have two modes.
function modeMarks(place, entry, top, colours) {
  const tested = testedModes(place, entry);
  if (!tested) return [];
  const run = RUNS[place];
  const flagged = run.layers.filter((layer) => tested.layers[layer] && tested.layers[layer].bimodal);
  if (!flagged.length) return [];
  return [{
    type: "scatter", mode: "markers", x: flagged.map((layer) => onAxis(run, layer)), y: flagged.map(() => top), customdata: flagged.map((layer) => [place, layer]), showlegend: false, cliponaxis: false,
    text: flagged.map((layer) => `${dipWords(tested.layers[layer])}<br>layer ${layer}`), hovertemplate: "%{text}<extra></extra>",
    name: "two modes", marker: { symbol: "triangle-down", size: 10, color: colours.ink, line: { width: 1, color: colours.paper } },
  }];
}

function dipWords(found) {
  const p = found.p_corrected === null ? "" : `, corrected p ${number(found.p_corrected)}`;
  return `dip ${number(found.dip)}${p}: ${found.bimodal ? "more than one mode" : "one mode"}`;
}

function separatorWords({ meaning, effect, effect_name: name, low, high, p_corrected: p }) {
  const show = (value) => (typeof value === "string" ? value : number(value));
  return `${meaning}: ${show(low)} in the lower mode, ${show(high)} in the upper (${name} ${number(effect)}, corrected p ${number(p)})`;
}

function showModes() {
  const box = document.getElementById("modes");
  const run = RUNS[state.run];
  const { modes } = run;
  const layer = pinnedLayer(state.run);
  box.replaceChildren();
  if (!modes) return;
  const words = DATA.variants[modes.variant].words;
  const title = DATA.measures[modes.measure] ? DATA.measures[modes.measure].title : modes.measure;
  box.append(element("h3", { text: "One mode or two" }), element("p", { class: "detail", text: `${title}${words ? `, ${words}` : ""}. Dip test, Holm’s correction over the layers${modes.level === null ? "" : `, level ${modes.level}`}.` }));
  box.append(...[...modes.sentences, ...modes.notes].map((sentence) => element("p", { text: sentence })));
  const found = modes.layers[layer];
  if (!found) return;
  box.append(element("p", {}, element("b", { text: `Layer ${layer}: ` }), document.createTextNode(`${dipWords(found)}.`)));
  if (found.separators.length) box.append(element("ul", { class: "remarks" }, ...found.separators.map((one) => element("li", { text: separatorWords(one) }))));
}
