// Task scores: who holds them, by which readings they were made, their means over tasks, and the best and last layer.
const TASKS = DATA.tasks;
const SCORED = RUNS.map((_, place) => place).filter((place) => RUNS[place].scores && RUNS[place].scores.owner === place);
const RAW_MEAN = "pooling=mean;normalize=raw";
const WITHOUT_FIRST = "pooling=mean_no_first;normalize=raw";
const READINGS = [...new Set(SCORED.flatMap((place) => Object.values(RUNS[place].scores.tasks).flatMap((listed) => listed.map((series) => series.variant))))];
const MANY_TASKS = 6;

// The raw mean beside the one without the first token says whether a reader would be misled; then what was recommended.
function firstReadings() {
  const recommended = SCORED.map((place) => RUNS[place].scores.reading);
  const wanted = [...recommended, RAW_MEAN, WITHOUT_FIRST, ...READINGS].filter((reading) => READINGS.includes(reading));
  return [...new Set(wanted)].slice(0, SCORED.length > 1 ? 2 : 3);
}

function readingWords(reading) {
  return DATA.variants[reading].words || reading;
}

function shownReadings() {
  return READINGS.filter((reading) => state.readings.has(reading));
}

function dashOf(reading) {
  return DASHES[READINGS.indexOf(reading) % DASHES.length];
}

// The run that holds the scores of a run: itself, or the first of the same model.
function scoreOwner(place) {
  return RUNS[place].scores ? RUNS[place].scores.owner : null;
}

function scoreSeries(place, task, reading) {
  return (RUNS[place].scores.tasks[task] || []).find((series) => series.variant === reading) || null;
}

// Of the tasks asked for, those that every run has by every reading that is drawn: means over different tasks do not compare.
function sharedTasks(tasks) {
  const pairs = SCORED.flatMap((place) => shownReadings().map((reading) => tasks.filter((task) => scoreSeries(place, task, reading)))).filter((own) => own.length);
  return tasks.filter((task) => pairs.every((own) => own.includes(task)));
}

const meansMade = new Map();

// The mean main score over tasks at every layer where all have one; its interval is that of a mean of independent scores.
// Tasks that the run did not score by this reading are left out.
function meanScores(place, tasks, reading) {
  const used = tasks.filter((task) => scoreSeries(place, task, reading));
  const key = `${place} ${used.join(",")} ${reading}`;
  if (!meansMade.has(key)) meansMade.set(key, used.length ? meanOf(used.map((task) => scoreSeries(place, task, reading)), used) : null);
  return meansMade.get(key);
}

function meanOf(listed, tasks) {
  const at = (points) => {
    if (points.some((point) => !point || point[0] === null)) return [null, null, null];
    const mean = points.reduce((sum, [value]) => sum + value, 0) / points.length;
    if (points.some(([, low, high]) => low === null || high === null)) return [mean, null, null];
    const half = Math.sqrt(points.reduce((sum, [, low, high]) => sum + ((high - low) / 2) ** 2, 0)) / points.length;
    return points.length === 1 ? points[0] : [mean, mean - half, mean + half];
  };
  const columns = listed[0].value.map((_, layer) => at(listed.map((series) => [series.value[layer], series.low[layer], series.high[layer]])));
  const [value, low, high] = [0, 1, 2].map((which) => columns.map((column) => column[which]));
  const finals = at(listed.map((series) => series.final && [series.final.value, series.final.low, series.final.high]));
  const final = finals[0] === null ? null : { value: finals[0], low: finals[1], high: finals[2], drawnLow: finals[1], drawnHigh: finals[2] };
  return { variant: listed[0].variant, value, low, high, drawnLow: low, drawnHigh: high, final, tasks };
}

// The stream with the highest score, and the last: what the model hands out, after its final norm where that was scored.
function bestAndLast(place, series) {
  const run = RUNS[place];
  const streams = run.layers
    .map((layer, at) => ({ layer, final: false, value: series.value[at], low: series.low[at], high: series.high[at] }))
    .filter((stream) => stream.value !== null);
  if (series.final) streams.push({ layer: run.depth, final: true, ...series.final });
  const last = streams[streams.length - 1];
  const highest = streams.reduce((best, stream) => (stream.value > best.value ? stream : best), streams[0]);
  return { best: last && highest.value === last.value ? last : highest, last, streams: streams.length };
}

// Best less last, as if the two were independent; scores of the same texts rise and fall together, so this is wide.
function gainWords({ best, last }) {
  const halves = [best, last].map(({ low, high }) => (low === null || high === null ? null : (high - low) / 2));
  const gain = best.value - last.value;
  if (halves.includes(null)) return number(gain);
  const half = Math.hypot(...halves);
  return withInterval(gain, gain - half, gain + half);
}

function streamWords({ layer, final }) {
  return final ? `layer ${layer} after the final norm` : `layer ${layer}`;
}

// What a panel shows: one task, those of one type, or all of them.
function taskGroups() {
  const groups = [];
  const every = TASKS.map((_, task) => task);
  const single = (task) => ({ key: `t-task-${task}`, title: TASKS[task].name, tasks: [task] });
  if (TASKS.length > 1 && sharedTasks(every).length) groups.push({ key: "t-all", title: "Mean over all tasks", tasks: every });
  const types = [...new Set(TASKS.map((task) => task.type))];
  const ofType = (type) => every.filter((task) => TASKS[task].type === type);
  if (state.taskView === "types") {
    types.forEach((type, at) => {
      const tasks = ofType(type);
      groups.push(tasks.length === 1 ? single(tasks[0]) : { key: `t-type-${at}`, title: type || "Other tasks", tasks });
    });
  } else {
    const [, chosen] = state.taskView.split(" ");
    (chosen === undefined ? every : ofType(types[Number(chosen)])).forEach((task) => groups.push(single(task)));
  }
  return groups;
}

function taskViews() {
  const types = [...new Set(TASKS.map((task) => task.type))];
  const count = (type) => TASKS.filter((task) => task.type === type).length;
  const views = [["types", "means by kind of task"], ["tasks", `every task (${TASKS.length})`]];
  return types.length > 1 ? [...views, ...types.map((type, at) => [`type ${at}`, `${type || "other"} (${count(type)})`])] : views.slice(1);
}

function startScores() {
  state.readings = new Set(firstReadings());
  state.taskView = TASKS.length > MANY_TASKS && taskViews().length > 1 ? "types" : "tasks";
}
