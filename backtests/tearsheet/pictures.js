// Runs in a copy of the page once all is drawn: every chart as a picture that can stand alone, on white, with a title
// and a legend of its own, and the height of the page.
(async () => {
  "use strict";
  const root = document.documentElement;
  while (!root.dataset.drawn) await new Promise((next) => setTimeout(next, 50));
  const stamp = document.getElementById("simulated") ? "<b>SIMULATED</b>  " : "";
  const height = root.scrollHeight;
  const charts = {};
  for (const place of document.querySelectorAll(".chart")) {
    const title = place.getAttribute("aria-label").split(/[:;]/)[0];
    const text = title.replaceAll("&", "&amp;").replaceAll("<", "&lt;");
    // Room for the rows of names that 1,100 pixels take, each as wide as the longest.
    const names = place.data.filter((trace) => trace.showlegend !== false).map((trace) => String(trace.name ?? ""));
    const rows = Math.ceil(names.length / Math.max(1, Math.floor(1000 / (45 + 7.5 * Math.max(...names.map((name) => name.length))))));
    const top = Math.max(80, 40 + 20 * rows);
    const legend = { orientation: "h", x: 0, xanchor: "left", y: 1, yanchor: "bottom", font: { color: "#16191d" } };
    const layout = {
      ...place.layout,
      autosize: false,
      width: 1100,
      height: place.layout.height + top,
      margin: { ...place.layout.margin, t: top },
      paper_bgcolor: "#ffffff",
      showlegend: true,
      legend,
      title: { text: stamp + text, x: 0.01, xanchor: "left", y: 1, yanchor: "top", pad: { t: 12 }, font: { size: 15, color: "#16191d" } },
    };
    charts[place.id] = await Plotly.toImage({ data: place.data, layout }, { format: "png", scale: 2 });
  }
  const kept = document.createElement("script");
  kept.type = "application/json";
  kept.id = "pictures";
  kept.textContent = JSON.stringify({ charts, height });
  document.body.append(kept);
})();
