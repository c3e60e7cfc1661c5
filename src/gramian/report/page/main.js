// Start: what needs no drawing first, so that the page is readable while the drawing library unpacks.
function linkSentences() {
  document.querySelectorAll("a[data-panel]").forEach((link) => link.addEventListener("click", (event) => {
    const panel = link.dataset.panel;
    if (panel.startsWith("m-") && state.hidden.delete(panel.slice(2))) announce("panels");
    const target = document.getElementById(panel);
    if (link.dataset.layer !== undefined) pin(Number(link.dataset.run), Number(link.dataset.layer));
    if (!target) return;
    event.preventDefault();
    target.scrollIntoView({ block: target.tagName === "SECTION" ? "start" : "center" });
    target.focus({ preventScroll: true });
  }));
}

function repaint() {
  figures.forEach(invalidate);
}

startScores();
buildDepthControls();
firstPin();
buildPinBar();
linkSentences();
startRecommendation();
startTable();
document.querySelectorAll("[data-copies]").forEach((button) =>
  button.addEventListener("click", () => copyText(document.getElementById(button.dataset.copies).textContent, button)),
);

loadPlotly().then(() => {
  // What the page has nothing to show for is hidden; its figures would be empty.
  const filled = (section) => !document.getElementById(section).hidden;
  startDepth();
  if (filled("layer")) startLayer();
  if (filled("agreement")) {
    startAgreement();
    startScatter();
  }
  startTasks();
  ["strength", "step", "cell"].forEach(startHeat);
  on("view theme", repaint);
  performance.mark("gramian-ready");
  document.documentElement.dataset.ready = "true";
}).catch((problem) => complain(problem.message)).finally(fillTableWhenNear);
