// The bar that follows the reader (pinned layer) and the choices above the small multiples.
const KEY_NAMES = { norm: "Normalisation", tokens: "First token", alpha: "Entropy order α", form: "InfoNCE form" };
const VALUE_NAMES = {
  norm: { raw: "none (nats)", log_n: "log of the tokens", log_d: "log of the width", min: "its maximum" },
  tokens: { all: "included", no_first: "left out" },
};

function labelled(label, control) {
  return element("label", { class: "control" }, element("span", { text: label }), control);
}

function select(options, current, onpick) {
  const made = element("select", { onchange: (event) => onpick(event.target.value) });
  options.forEach(([value, text]) => made.append(element("option", { value, text, selected: value === current })));
  return made;
}

function buildPinBar() {
  const bar = document.getElementById("pinbar");
  const slider = element("input", { type: "range", min: "0", step: "1", id: "pin-slider", "aria-label": "Pinned layer" });
  const output = element("output", { for: "pin-slider" });
  const step = (by) => () => {
    const layers = RUNS[state.run].layers;
    const at = layers.indexOf(pinnedLayer(state.run)) + by;
    if (at >= 0 && at < layers.length) pin(state.run, layers[at]);
  };
  const before = element("button", { type: "button", class: "step", text: "‹", "aria-label": "One layer earlier", onclick: step(-1) });
  const after = element("button", { type: "button", class: "step", text: "›", "aria-label": "One layer later", onclick: step(1) });
  slider.addEventListener("input", () => pin(state.run, RUNS[state.run].layers[Number(slider.value)]));
  if (SEVERAL) {
    const runs = RUNS.map((run, place) => [String(place), shorten(run.label, 40)]);
    bar.append(labelled("Run", select(runs, "0", (value) => {
      state.run = Number(value);
      state.distribution = 0;
      pin(state.run, pinnedLayer(state.run));
      announce("panels");
      announce("view");
    })));
  }
  bar.append(element("div", { class: "stepper" }, before, slider, after), output);
  const show = () => {
    const run = RUNS[state.run];
    const layer = pinnedLayer(state.run);
    slider.max = String(run.layers.length - 1);
    slider.value = String(run.layers.indexOf(layer));
    slider.disabled = before.disabled = after.disabled = run.layers.length < 2;
    slider.setAttribute("aria-valuetext", layerWords(run, layer));
    output.textContent = run.depth ? `Layer ${layer} of ${run.depth} · ${Math.round(100 * fraction(run, layer))} %` : `Layer ${layer}`;
  };
  on("pin view", show);
  show();
}

function buildDepthControls() {
  const box = document.getElementById("depth-controls");
  // A choice is offered for a key only when some measure comes in more than one of its values.
  const values = {};
  const offered = new Set();
  RUNS.forEach((run) => Object.values(run.series).forEach((listed) => {
    const own = {};
    listed.forEach((series) => Object.entries(variantKeys(series.variant)).forEach(([key, value]) => {
      (own[key] = own[key] || new Set()).add(value);
      (values[key] = values[key] || new Set()).add(value);
    }));
    Object.entries(own).forEach(([key, found]) => found.size > 1 && offered.add(key));
  }));
  Object.entries(values).forEach(([key, found]) => {
    const options = [...found].map((value) => [value, (VALUE_NAMES[key] || {})[value] || value]);
    if (!offered.has(key)) return;
    state.keys[key] = options[0][0];
    if (key === "tokens") options.push(["both", "both"]);
    const name = KEY_NAMES[key] || key;
    box.append(labelled(name, select(options, options[0][0], (value) => {
      state.keys[key] = value;
      announce("view");
    })));
  });
  box.append(labelled("Sort by", select(
    [["listed", "kind of measure"], ["name", "name"], ["change", "change over depth"]], state.sort,
    (value) => {
      state.sort = value;
      announce("panels");
    },
  )));
  box.append(labelled("Horizontal axis", select([["layer", "layer"], ["relative", "relative depth"]], state.axis, (value) => {
    state.axis = value;
    announce("view");
  })));
  box.append(measureChooser());
}

function measureChooser() {
  const names = Object.keys(DATA.measures);
  const summary = element("summary", { text: "Measures" });
  const boxes = names.map((name) => {
    const check = element("input", { type: "checkbox", checked: true, value: name });
    check.addEventListener("change", () => {
      if (check.checked) state.hidden.delete(name);
      else state.hidden.add(name);
      count();
      announce("panels");
    });
    return element("label", {}, check, document.createTextNode(DATA.measures[name].title));
  });
  const all = (shown) => () => {
    state.hidden = new Set(shown ? [] : names);
    boxes.forEach((label) => (label.firstChild.checked = shown));
    count();
    announce("panels");
  };
  const count = () => (summary.textContent = `Measures: ${names.length - state.hidden.size} of ${names.length}`);
  count();
  const buttons = element(
    "div", { class: "chooser-buttons" },
    element("button", { type: "button", class: "quiet", text: "All", onclick: all(true) }),
    element("button", { type: "button", class: "quiet", text: "None", onclick: all(false) }),
  );
  return element("details", { class: "chooser" }, summary, element("div", { class: "chooser-list" }, buttons, ...boxes));
}
