// Start: what needs no drawing first, so that the page is readable while the drawing library unpacks.
function linkSentences() {
  document.querySelectorAll("a[data-panel]").forEach((link) => link.addEventListener("click", (event) => {
    const panel = link.dataset.panel;
    if (panel.startsWith("m-") && state.hidden.delete(panel.slice(2))) announce("panels");
    const target = document.getElementById(panel);
    if (link.dataset.layer !== undefined) pin(Number(link.dataset.run), Number(link.dataset.layer));
    if (!target) return;
    event.preventDefault();
    target.scrollIntoView({ block: "center" });
    target.focus({ preventScroll: true });
  }));
}

function repaint() {
  figures.forEach(invalidate);
}

buildDepthControls();
firstPin();
buildPinBar();
linkSentences();
startTable();
document.querySelectorAll("[data-copies]").forEach((button) =>
  button.addEventListener("click", () => copyText(document.getElementById(button.dataset.copies).textContent, button)),
);

loadPlotly().then(() => {
  startDepth();
  startLayer();
  startAgreement();
  on("view theme", repaint);
  performance.mark("gramian-ready");
  document.documentElement.dataset.ready = "true";
}).catch((problem) => complain(problem.message)).finally(fillTableWhenNear);
