// The pinned layer of every model along one axis: a curve each, what it is compared with as a mark on the left and a dotted line.
function buildAlong(choice, axis, perturbation, order) {
  const own = gridsAlong(axis).filter(({ grid }) => grid.perturbation === perturbation);
  const title = [perturbationWords(own[0].grid), "the pinned layer"].filter(Boolean).join(": ");
  const figure = makeFigure({
    id: `along-${axis}-${order}`, title: title[0].toUpperCase() + title.slice(1), kind: "heat",
    build: (colours) => {
      const data = [];
      const shapes = [];
      const words = [];
      own.forEach(({ place, grid }) => {
        const points = rowPlaces(grid).map((each) => ({ ...each, at: pinnedPlace(DATA.cells[each.row.cell], place), series: cellSeries(choice, each.row), values: cellValues(choice, grid, each.row) }));
        const known = points.filter(({ values, at }) => values && values[at] !== null);
        if (!known.length) return;
        const colour = hue(colours, place);
        const line = known.filter(({ base }) => !base);
        const base = known.find((point) => point.base);
        const bars = (list) => (choice.show !== "value" || !list.length || !list[0].series.low ? { visible: false } : intervalBars(list.map(({ values, at }) => values[at]), list.map(({ series, at }) => series.low[at]), list.map(({ series, at }) => series.high[at]), faint(colour, 0.55)));
        const trace = (list, more) => ({
          type: "scatter", x: list.map(({ y }) => y), y: list.map(({ values, at }) => values[at]), name: plotText(gridName(place, grid)), error_y: bars(list),
          text: list.map(({ row, series, at }) => cellHover(choice, gridName(place, grid), row, series, at)), hovertemplate: "%{text}<extra></extra>", ...more,
        });
        data.push(trace(line, { mode: "lines+markers", showlegend: true, line: { color: colour, width: 2 }, marker: { color: colour, size: 6, symbol: SYMBOLS[place % SYMBOLS.length] } }));
        if (base) {
          data.push(trace([base], { mode: "markers", showlegend: false, marker: { symbol: `${SYMBOLS[place % SYMBOLS.length]}-open`, size: 9, color: colour, line: { width: 1.75, color: colour } } }));
          shapes.push({ type: "line", xref: "paper", x0: 0, x1: 1, y0: base.values[base.at], y1: base.values[base.at], layer: "below", line: { color: faint(colour, 0.6), width: 1, dash: "1px,3px" } });
        }
        const course = known.map(({ row, values, at }) => `${number(values[at])} at ${row.label}`);
        words.push(`${gridName(place, grid)}, layer ${pinnedLayer(place)}: ${course.length > 6 ? [course[0], course[Math.floor(course.length / 2)], course[course.length - 1]].join(", ") : course.join(", ")}.`);
      });
      if (!data.length) return null;
      const longest = own.map(({ grid }) => rowPlaces(grid)).reduce((best, rows) => (rows.length > best.length ? rows : best));
      const unit = unitOf(choice.measure, choice.variant);
      const ends = own.flatMap(({ grid }) => rowPlaces(grid)).flatMap(({ from, to }) => [from, to]);
      const margin = 0.04 * (Math.max(...ends) - Math.min(...ends));
      const layout = baseLayout(colours, {
        xaxis: axisStyle(colours, { title: axisWords(own[0].grid), ...rowTicks(longest, 7), range: [Math.min(...ends) - margin, Math.max(...ends) + margin], showgrid: false, ticks: "outside", ticklen: 4 }),
        yaxis: axisStyle(colours, { title: plotText(unit), nticks: 6 }), shapes, margin: { l: 56, r: 10, t: 8, b: 42 },
      });
      return { data, layout, words: `${measureWords(choice)} along the ${axisWords(own[0].grid)}: ${words.join(" ")}` };
    },
  });
  figure.empty = "These cells lack the measure.";
  figure.tell = () => {
    figure.unit.textContent = unitOf(choice.measure, choice.variant);
    const compared = own.some(({ grid }) => grid.rows.some((row) => row.at === null));
    figure.detail.textContent = `${measureWords(choice)}.${compared ? ` Open mark and dotted line: ${AXES[axis].base}.` : ""}`;
    figure.readout.replaceChildren(...own.map(({ place }) => element("span", { class: SEVERAL ? `run-${place % 6}` : null, text: layerWords(RUNS[place], pinnedLayer(place)) })));
  };
  return figure;
}
