// The drawing library travels compressed; the browser inflates it and the page's policy admits it by its hash.
async function loadPlotly() {
  if (typeof DecompressionStream === "undefined") {
    throw new Error("This browser cannot unpack the figures. The headline and the account below are complete; for the figures open this file in a browser from 2023 or later.");
  }
  const packed = document.getElementById("bundle");
  const bytes = Uint8Array.from(atob(packed.textContent.trim()), (character) => character.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  const script = document.createElement("script");
  script.textContent = await new Response(stream).text();
  document.head.append(script);
  packed.remove();
  script.remove();
  if (!window.Plotly) throw new Error("The figures' drawing code did not start in this browser.");
}

function complain(message) {
  const notice = document.getElementById("notice");
  notice.textContent = message;
  notice.hidden = false;
}
