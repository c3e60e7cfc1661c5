// Every number of the run. Sorting and filtering work on the data; only what is looked at becomes rows.
const COLUMNS = [
  ["run", "Run"], ["layer", "Layer"], ["stream", "Stream"], ["measure", "Measure"], ["variant", "Variant"],
  ["value", "Value"], ["low", "Low"], ["high", "High"], ["stderr", "Std. error"], ["n", "n"], ["unit", "Unit"],
];
const NUMERIC = new Set(["layer", "value", "low", "high", "stderr", "n"]);
const table = { rows: [], shown: [], column: null, descending: false, most: 100 };

function allRows() {
  const rows = [];
  RUNS.forEach((run) => Object.entries(run.series).forEach(([measure, listed]) => listed.forEach((series) => {
    const common = { run: run.label, measure, variant: series.variant, unit: unitOf(measure, series.variant) };
    run.layers.forEach((layer, at) => {
      const count = Array.isArray(series.n) ? series.n[at] : series.n;
      const [value, low, high, stderr] = ["value", "low", "high", "stderr"].map((name) => series[name][at]);
      if (value === null && count === null) return;
      rows.push({ ...common, layer, stream: "residual", value, low, high, stderr, n: count });
    });
    if (series.final) rows.push({ ...common, layer: run.depth, stream: "final_norm", ...series.final });
  })));
  rows.push(...scoreRows());
  const title = (row) => (DATA.measures[row.measure] && !row.task ? DATA.measures[row.measure].title : "task");
  rows.forEach((row) => (row.search = [row.run, row.measure, title(row), row.variant, row.stream, `layer ${row.layer}`].join(" ").toLowerCase()));
  return rows;
}

// Scores stand in the same columns: the task as the measure, the reading as its variant, the metric as the unit.
function scoreRows() {
  return SCORED.flatMap((place) => TASKS.flatMap((task, index) => (RUNS[place].scores.tasks[index] || []).flatMap((series) => {
    const common = { run: RUNS[place].label, measure: task.name, variant: series.variant, unit: task.metric, stderr: null, task: true };
    const rows = RUNS[place].layers.map((layer, at) => {
      const count = Array.isArray(series.n) ? series.n[at] : series.n;
      return { ...common, layer, stream: "residual", value: series.value[at], low: series.low[at], high: series.high[at], n: count };
    }).filter((row) => row.value !== null);
    if (series.final) rows.push({ ...common, layer: RUNS[place].depth, stream: "final_norm", ...series.final });
    return rows;
  })));
}

function compare(one, other) {
  const [first, second] = [one[table.column], other[table.column]];
  if (first === null || first === undefined) return 1;
  if (second === null || second === undefined) return -1;
  const order = NUMERIC.has(table.column) ? first - second : String(first).localeCompare(String(second), "en", { numeric: true });
  return table.descending ? -order : order;
}

function refreshTable() {
  const words = document.getElementById("table-filter").value.toLowerCase().split(/\s+/).filter(Boolean);
  const layer = pinnedLayer(state.run);
  const only = document.getElementById("table-pinned").checked;
  table.shown = table.rows.filter((row) => words.every((word) => row.search.includes(word)) && (!only || row.layer === layer));
  if (table.column) table.shown.sort(compare);
  const body = document.getElementById("table-body");
  const columns = COLUMNS.filter(([name]) => SEVERAL || name !== "run");
  body.replaceChildren(...table.shown.slice(0, table.most).map((row) => element(
    "tr", {},
    ...columns.map(([name]) => element("td", { class: NUMERIC.has(name) ? "number" : null, text: cell(row, name) })),
  )));
  const shown = Math.min(table.most, table.shown.length);
  document.getElementById("table-count").textContent = `${shown} of ${table.shown.length} rows shown`;
  document.getElementById("table-more").hidden = shown >= table.shown.length;
}

function cell(row, name) {
  const value = row[name];
  if (value === null || value === undefined) return "–";
  if (name === "layer" || name === "n" || !NUMERIC.has(name)) return String(value);
  return number(value);
}

function asCsv() {
  const quote = (value) => (/[",\n\r]/.test(value) ? `"${value.replace(/"/g, '""')}"` : value);
  const lines = table.shown.map((row) => COLUMNS.map(([name]) => quote(row[name] === null || row[name] === undefined ? "" : String(row[name]))).join(","));
  return `${[COLUMNS.map(([name]) => name).join(","), ...lines].join("\n")}\n`;
}

async function copyText(text, button) {
  const before = button.textContent;
  let copied = true;
  try {
    await navigator.clipboard.writeText(text);
  } catch (refused) {
    // Pages opened from a disk may not use the clipboard everywhere; a selection still may.
    const area = element("textarea", { class: "offscreen" });
    area.value = text;
    document.body.append(area);
    area.select();
    copied = document.execCommand("copy");
    area.remove();
  }
  button.textContent = copied ? "Copied" : "Could not copy";
  setTimeout(() => (button.textContent = before), 1600);
}

function startTable() {
  const head = document.getElementById("table-head");
  const columns = COLUMNS.filter(([name]) => SEVERAL || name !== "run");
  columns.forEach(([name, title]) => {
    const header = element("th", { scope: "col", "aria-sort": "none", class: NUMERIC.has(name) ? "number" : null });
    header.append(element("button", { type: "button", text: title, onclick: () => {
      table.descending = table.column === name && !table.descending;
      table.column = name;
      head.querySelectorAll("th").forEach((each) => each.setAttribute("aria-sort", each === header ? (table.descending ? "descending" : "ascending") : "none"));
      refreshTable();
    } }));
    head.append(header);
  });
  document.getElementById("table-filter").addEventListener("input", () => {
    table.most = 100;
    refreshTable();
  });
  document.getElementById("table-pinned").addEventListener("change", refreshTable);
  document.getElementById("table-more").addEventListener("click", () => {
    table.most += 500;
    refreshTable();
  });
  document.getElementById("table-copy").addEventListener("click", (event) => copyText(asCsv(), event.currentTarget));
  document.getElementById("table-save").addEventListener("click", () => {
    const address = URL.createObjectURL(new Blob([asCsv()], { type: "text/csv" }));
    download(address, "gramian-numbers.csv");
    setTimeout(() => URL.revokeObjectURL(address), 1000);
  });
  on("pin", () => document.getElementById("table-pinned").checked && refreshTable());
}

// Thousands of rows are put together only when the reader comes near them; called once the figures have taken their room,
// because before that everything is near.
function fillTableWhenNear() {
  new IntersectionObserver((entries, observer) => {
    if (!entries.some((entry) => entry.isIntersecting)) return;
    observer.disconnect();
    table.rows = allRows();
    refreshTable();
  }, { rootMargin: "600px 0px" }).observe(document.getElementById("table"));
}
