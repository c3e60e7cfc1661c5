// Colours of both themes. Run hues are Okabe and Ito's, which colour-blind readers can tell apart; marker shapes carry the
// difference into grey print.
const THEMES = {
  light: {
    paper: "#ffffff", ink: "#1b1f24", soft: "#5b636d", rule: "#e7e8ea", axis: "#c9ccd1", pin: "#1b1f24",
    runs: ["#0068a5", "#c8500a", "#008560", "#b0578a", "#3f9bd4", "#b87a00"],
    spread: [[0, "#ffffff"], [0.5, "#8db8d9"], [1, "#0b3f66"]],
    sequential: [[0, "#f0f5f9"], [0.25, "#bfd8ea"], [0.5, "#75acd3"], [0.75, "#2a72ab"], [1, "#08304f"]],
    diverging: [[0, "#b35806"], [0.25, "#f1a340"], [0.5, "#f7f7f7"], [0.75, "#7aa6d6"], [1, "#1f5a9d"]],
  },
  dark: {
    paper: "#181b20", ink: "#e8eaed", soft: "#a0a7b1", rule: "#2a2f36", axis: "#454c55", pin: "#e8eaed",
    runs: ["#63b6ee", "#ff9a55", "#45cfa2", "#e79fc7", "#a5d8f7", "#f0c14f"],
    spread: [[0, "#181b20"], [0.5, "#215680"], [1, "#4590c6"]],
    sequential: [[0, "#1d2935"], [0.25, "#1f4f75"], [0.5, "#3a80b5"], [0.75, "#7fb4dc"], [1, "#e6f2fb"]],
    diverging: [[0, "#ffa04d"], [0.25, "#9c5a1e"], [0.5, "#23272d"], [0.75, "#2f6199"], [1, "#78b7ff"]],
  },
};
const SYMBOLS = ["circle", "square", "triangle-up", "diamond-tall", "cross", "x"];
// Readings of one run share its hue; what tells them apart is the dash.
const DASHES = ["solid", "7px,3px", "1.5px,3px", "10px,3px,2px,3px", "4px,2px", "12px,5px"];
const FONT = 'system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif';

const darkness = window.matchMedia("(prefers-color-scheme: dark)");
darkness.addEventListener("change", () => announce("theme"));

function theme() {
  return THEMES[darkness.matches ? "dark" : "light"];
}

function hue(colours, place) {
  return colours.runs[place % colours.runs.length];
}

function faint(hex, opacity) {
  const [red, green, blue] = [1, 3, 5].map((at) => parseInt(hex.slice(at, at + 2), 16));
  return `rgba(${red},${green},${blue},${opacity})`;
}

function axisStyle(colours, more = {}) {
  return {
    gridcolor: colours.rule, linecolor: colours.axis, tickcolor: colours.axis, zeroline: false, showline: false,
    ticks: "", tickfont: { size: 11, color: colours.soft }, automargin: true, fixedrange: false,
    ...more,
    title: { text: more.title || "", font: { size: 12, color: colours.soft }, standoff: 8 },
  };
}

function baseLayout(colours, more = {}) {
  return {
    paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)",
    font: { family: FONT, size: 12, color: colours.ink },
    margin: { l: 46, r: 14, t: 8, b: 40 },
    showlegend: false, hovermode: "closest", hoverdistance: -1,
    dragmode: window.matchMedia("(pointer: coarse)").matches ? false : "zoom",
    hoverlabel: {
      bgcolor: colours.paper, bordercolor: colours.axis, font: { family: FONT, size: 12, color: colours.ink }, align: "left",
    },
    ...more,
  };
}

function pinLine(colours, x) {
  return {
    type: "line", x0: x, x1: x, yref: "paper", y0: 0, y1: 1, layer: "below",
    line: { color: faint(colours.pin, 0.55), width: 1.25, dash: "2px,3px" },
  };
}
