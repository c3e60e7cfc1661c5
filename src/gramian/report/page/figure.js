// A figure: heading, readout, plot and its two exports. It draws when it comes near the screen, and again only while there.
const CONFIG = { responsive: true, displayModeBar: false, displaylogo: false, showSendToCloud: false, doubleClick: "reset" };
const figures = new Set();

const watcher = new IntersectionObserver(
  (entries) => entries.forEach((entry) => {
    const figure = entry.target.figure;
    figure.near = entry.isIntersecting;
    if (figure.near && figure.stale) schedule(figure);
  }),
  { rootMargin: "350px 0px" },
);

const waiting = new Set();

function schedule(figure) {
  if (!waiting.size) requestAnimationFrame(drawWaiting);
  waiting.add(figure);
}

function drawWaiting() {
  const batch = [...waiting];
  waiting.clear();
  batch.forEach(draw);
}

function draw(figure) {
  if (!figure.root.isConnected) return;
  figure.stale = false;
  const colours = theme();
  const made = figure.build(colours);
  figure.root.classList.toggle("is-empty", !made);
  if (!made) {
    figure.message.textContent = figure.empty;
    figure.plot.setAttribute("aria-label", figure.empty);
    return;
  }
  window.Plotly.react(figure.plot, made.data, made.layout, CONFIG);
  figure.plot.setAttribute("aria-label", made.words);
  if (!figure.root.dataset.drawn) {
    figure.root.dataset.drawn = "true";
    figure.plot.on("plotly_click", (event) => {
      const point = event.points.find((each) => each.customdata !== undefined) || event.points[0];
      if (figure.click) figure.click(point);
    });
  }
}

function invalidate(figure) {
  figure.stale = true;
  if (figure.near) schedule(figure);
}

// options: id, title, unit, detail, build(colours) -> {data, layout, words} or null, click(point), empty, kind
function makeFigure(options) {
  const plot = element("div", { class: "plot", role: "img", "aria-label": options.title });
  const message = element("p", { class: "empty" });
  const readout = element("div", { class: "readout" });
  const detail = element("p", { class: "detail", text: options.detail || "" });
  const heading = element("h3", { text: options.title });
  const unit = element("span", { class: "unit", text: options.unit || "" });
  const figure = { near: false, stale: true, empty: "Nothing measured here.", ...options, plot, message, readout, detail, unit };
  const save = (format) =>
    element("button", {
      type: "button", class: "quiet", text: format.toUpperCase(),
      "aria-label": `Save “${options.title}” as ${format.toUpperCase()}`, onclick: () => saveAs(figure, format),
    });
  figure.root = element(
    "figure",
    { class: `card ${options.kind || ""}`, id: options.id, tabindex: "-1" },
    element(
      "figcaption", {},
      element("div", { class: "caption-line" }, heading, unit, element("span", { class: "tools" }, save("svg"), save("png"))),
      detail, readout,
    ),
    plot, message,
  );
  figure.root.figure = figure;
  figures.add(figure);
  return figure;
}

function place(figure, parent) {
  parent.append(figure.root);
  watcher.observe(figure.root);
  return figure;
}

function dispose(figure) {
  watcher.unobserve(figure.root);
  if (figure.root.dataset.drawn) window.Plotly.purge(figure.plot);
  figure.root.remove();
  figures.delete(figure);
}

// A saved figure leaves the page's frame, so it takes its title, unit and origin with it, on white paper.
async function saveAs(figure, format) {
  const colours = THEMES.light;
  const made = figure.build(colours);
  if (!made) return;
  const unit = figure.unit.textContent;
  const above = SEVERAL || made.legend ? 130 : 100;
  const small = (text) => (text ? `<br>${plotText(shorten(text, 130))}` : "");
  const square = figure.kind === "square";
  const layout = {
    ...made.layout, width: square ? 900 : 880, height: square ? 860 : 560, autosize: false, paper_bgcolor: "#ffffff", plot_bgcolor: "#ffffff",
    margin: { ...made.layout.margin, l: Math.max(64, made.layout.margin.l), r: Math.max(28, made.layout.margin.r), t: above, b: 64 },
    title: {
      text: `<b>${plotText(figure.title)}</b>${unit ? ` (${plotText(unit)})` : ""}<span style="font-size:12px;color:${colours.soft}">${small(figure.detail.textContent)}${small(DATA.provenance)}</span>`,
      x: 0, xref: "paper", xanchor: "left", y: 1, yref: "container", yanchor: "top", pad: { t: 22 }, font: { size: 17, color: colours.ink },
    },
    showlegend: (SEVERAL || Boolean(made.legend)) && made.data.some((trace) => trace.showlegend),
    legend: { orientation: "h", x: 0, y: 1.02, xanchor: "left", yanchor: "bottom", font: { size: 12 } },
  };
  const options = { format, width: layout.width, height: layout.height, scale: format === "png" ? 2 : 1 };
  const address = await window.Plotly.toImage({ data: made.data, layout, config: CONFIG }, options);
  download(address, `gramian-${figure.id}.${format}`);
}

function download(address, name) {
  const link = element("a", { href: address, download: name });
  document.body.append(link);
  link.click();
  link.remove();
}
