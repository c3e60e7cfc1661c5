// The recommended layer with its evidence; without a recommendation, best and last from the scores alone.
const RULE_KINDS = { label_free: "label-free", supervised: "labelled", baseline: "to compare with" };

function pinButton(place, layer, text) {
  return element("button", { type: "button", class: "layer-button", text, title: `Pin layer ${layer}`, onclick: () => pin(place, layer) });
}

function withEnds(numbers, name) {
  return numbers ? withInterval(numbers[name], numbers[`${name}_low`], numbers[`${name}_high`]) : "–";
}

function numbersOf(rule, choice) {
  return choice === "mean" ? rule.mean : rule.tasks.find((task) => task.task === choice) || null;
}

// A table with a heading row; cells are texts or elements.
function tableOf(caption, columns, rows) {
  const cell = (tag, content, at, more = {}) => {
    const made = element(tag, { class: columns[at][1] ? "number" : null, ...more });
    made.append(content instanceof Node ? content : document.createTextNode(content));
    return made;
  };
  const head = element("tr", {}, ...columns.map(([title], at) => cell("th", title, at, { scope: "col" })));
  const body = rows.map(({ cells, kind }) => element("tr", { class: kind || null }, ...cells.map((content, at) => cell("td", content, at))));
  return element(
    "div", { class: "scroll", tabindex: "0", role: "region", "aria-label": caption },
    element("table", {}, element("caption", { text: caption }), element("thead", {}, head), element("tbody", {}, ...body)),
  );
}

function rulesTable(place, document_, choice) {
  const { rule: chosen } = document_.recommended;
  const regret = (rule) => (numbersOf(rule, choice) ? numbersOf(rule, choice).regret_best ?? Infinity : Infinity);
  const ordered = [...document_.rules].sort((one, other) => regret(one) - regret(other));
  const rows = ordered.map((rule) => {
    const numbers = numbersOf(rule, choice);
    const layer = choice === "mean" || !numbers ? rule.layer : numbers.layer;
    const title = element("span", {}, element("b", { text: rule.title || rule.rule }), document.createTextNode(rule.rule === chosen ? " — recommended" : ""));
    const facts = [RULE_KINDS[rule.kind] || rule.kind, rule.variant && DATA.variants[rule.variant] ? DATA.variants[rule.variant].words : rule.variant, rule.note, numbers && numbers.held_out === false ? "chosen on the scores it is judged by" : ""];
    title.append(element("small", { text: facts.filter(Boolean).join(", ") }));
    const known = RUNS[place].layers.includes(layer);
    const shown = layer === null || layer === undefined ? "any" : known ? pinButton(place, layer, rule.stream === "final_norm" ? `${layer} ◇` : String(layer)) : String(layer);
    return {
      kind: rule.rule === chosen ? "chosen" : rule.kind === "baseline" ? "beside" : "",
      cells: [title, shown, withEnds(numbers, "score"), withEnds(numbers, "regret_best"), withEnds(numbers, "gain_last"), withEnds(numbers, "gain_random")],
    };
  });
  const columns = [["Rule"], ["Layer", true], ["Score", true], ["Below best", true], ["Above last", true], ["Above random", true]];
  return tableOf(choice === "mean" ? "Every rule, mean over tasks" : `Every rule, ${choice}`, columns, rows);
}

function recommendedBlock(place, recommendation) {
  const run = RUNS[place];
  const { layer } = recommendation.recommended;
  const box = element("div", { class: "verdict" });
  const heading = element("p", { class: "answer" });
  if (run.layers.includes(layer)) heading.append("Recommended: ", pinButton(place, layer, `layer ${layer}`), ` of ${run.depth}`);
  else heading.append("No layer is recommended");
  box.append(heading, ...recommendation.sentences.map((sentence) => element("p", { text: sentence })));
  if (recommendation.outdated.length) {
    box.append(element("p", { class: "notice", text: `Made before the run ${recommendation.outdated.join(", ")} was last written: run gramian recommend again.` }));
  }
  box.append(...recommendation.warnings.map((warning) => element("p", { class: "remark", text: warning })));
  if (!recommendation.checked) box.append(element("p", { class: "remark", text: "No task score has checked these rules." }));
  const names = [...new Set(recommendation.rules.flatMap((rule) => rule.tasks.map((task) => task.task)))];
  const holder = element("div", {});
  const fill = (choice) => holder.replaceChildren(rulesTable(place, recommendation, choice));
  if (names.length > 1) box.append(element("div", { class: "controls" }, labelled("Scores of", select([["mean", `mean over ${names.length} tasks`], ...names.map((name) => [name, name])], "mean", fill))));
  fill("mean");
  box.append(holder);
  box.append(element("p", { class: "key", text: "Below best is the regret: the best layer’s score less this one’s. ± is half of the 95 % interval; a layer at random is the mean over all layers." }));
  return box;
}

function scoresAloneBlock(place) {
  const run = RUNS[place];
  const { reading } = run.scores;
  const every = TASKS.map((_, task) => task).filter((task) => scoreSeries(place, task, reading));
  const rows = [...(every.length > 1 ? [every] : []), ...every.map((task) => [task])].map((tasks) => {
    const ends = bestAndLast(place, meanOf(tasks.map((task) => scoreSeries(place, task, reading)), tasks));
    return ends.last ? { ends, name: tasks.length > 1 ? `Mean over ${tasks.length} tasks` : TASKS[tasks[0]].name } : null;
  }).filter(Boolean);
  const box = element("div", { class: "verdict" });
  if (!rows.length) return box;
  const { best, last, streams } = rows[0].ends;
  const heading = element("p", { class: "answer" });
  if (streams < 2) heading.append(`Only layer ${last.layer} was scored`);
  else if (best === last) heading.append("No layer scores above the last");
  else heading.append("Best: ", pinButton(place, best.layer, `layer ${best.layer}`), ` of ${run.depth}, ${gainWords({ best, last })} above the last`);
  box.append(heading, element("p", { text: `From the scores alone (${readingWords(reading)}); no recommendation was made. The best layer is chosen on the very scores it is judged by, which flatters it: gramian recommend checks rules on tasks they have not seen.` }));
  const shown = rows.map(({ ends, name }) => ({
    cells: [
      name, pinButton(place, ends.best.layer, ends.best.final ? `${ends.best.layer} ◇` : String(ends.best.layer)), withInterval(ends.best.value, ends.best.low, ends.best.high),
      withInterval(ends.last.value, ends.last.low, ends.last.high), gainWords(ends),
    ],
  }));
  box.append(tableOf("Best and last layer", [["Task"], ["Best layer", true], ["Best", true], ["Last", true], ["Gain", true]], shown));
  return box;
}

function startRecommendation() {
  const holder = document.getElementById("recommendation");
  if (!holder) return;
  const told = [];
  RUNS.forEach((run, place) => {
    const owner = scoreOwner(place);
    if (run.recommendation) {
      const key = `${run.identity.model} ${run.identity.revision}`;
      if (!told.includes(key)) told.push(key) && holder.append(named(place, recommendedBlock(place, run.recommendation)));
    } else if (owner === place) holder.append(named(place, scoresAloneBlock(place)));
  });
}

function named(place, block) {
  if (SEVERAL) block.prepend(element("h3", { class: `run-${place % 6}`, text: RUNS[place].label }));
  return block;
}
