(() => {
  "use strict";

  const figures = JSON.parse(document.getElementById("figures").textContent);
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const touch = matchMedia("(pointer: coarse)");
  const themes = {
    light: { name: "light", ink: "#16191d", muted: "#545b64", grid: "#e3e6eb", zero: "#9aa1ab", paper: "#ffffff" },
    dark: { name: "dark", ink: "#e8eaed", muted: "#a7aeb8", grid: "#2b3038", zero: "#69717c", paper: "#1c2026" },
  };
  const config = { responsive: true, displayModeBar: false, displaylogo: false, doubleClick: "reset" };
  const drawn = [];

  // The colours of a theme as plotly's flat update: every axis of the figure gets its lines and letters, and a scale
  // of colours that the figure has for each theme takes its turn.
  function colours(figure, theme) {
    const update = {
      "font.color": theme.muted,
      "hoverlabel.bgcolor": theme.paper,
      "hoverlabel.bordercolor": theme.grid,
      "hoverlabel.font.color": theme.ink,
    };
    for (const axis of Object.keys(figure.layout).filter((key) => /^[xy]axis/.test(key))) {
      update[`${axis}.gridcolor`] = theme.grid;
      update[`${axis}.zerolinecolor`] = theme.zero;
      update[`${axis}.linecolor`] = theme.grid;
      update[`${axis}.tickcolor`] = theme.grid;
    }
    const scales = figure.layout.meta?.colorscales;
    if (scales) update["coloraxis.colorscale"] = scales[theme.name];
    return update;
  }

  const theme = () => (dark.matches ? themes.dark : themes.light);

  function draw(id) {
    const place = document.getElementById(id);
    const figure = figures[id];
    // With a finger, a drag over a chart scrolls the page.
    const layout = { ...figure.layout, dragmode: touch.matches ? false : "zoom", autosize: true };
    return Plotly.newPlot(place, figure.data, layout, config)
      .then(() => Plotly.relayout(place, colours(figure, theme())))
      .then(() => {
        place.on("plotly_relayout", (event) => follow(place, event));
        drawn.push(place);
      });
  }

  // One span of time for all charts of time: zooming one zooms the others.
  const ofTime = (place) => figures[place.id].layout.xaxis?.type === "date";
  let following = false;
  function follow(source, event) {
    const moved = Object.keys(event).some((key) => key.startsWith("xaxis."));
    if (following || !moved || !ofTime(source)) return;
    following = true;
    const update = { "xaxis.range": [...source.layout.xaxis.range] };
    const others = drawn.filter((place) => place !== source && ofTime(place));
    Promise.all(others.map((place) => Plotly.relayout(place, update))).finally(() => { following = false; });
  }

  function press(button) {
    for (const other of button.parentElement.querySelectorAll("button")) {
      other.setAttribute("aria-pressed", String(other === button));
    }
  }

  document.addEventListener("click", (event) => {
    const button = event.target.closest("button[data-chart]");
    if (!button) return;
    const place = document.getElementById(button.dataset.chart);
    if (button.dataset.scale) {
      press(button);
      // Round dollars are marked on the logarithmic scale; a linear one marks itself.
      const own = button.dataset.scale === "log" && figures[place.id].layout.yaxis.tickvals;
      const tickmode = own ? "array" : "auto";
      Plotly.relayout(place, { "yaxis.type": button.dataset.scale, "yaxis.tickmode": tickmode, "yaxis.autorange": true });
      return;
    }
    const shown = button.getAttribute("aria-pressed") !== "true";
    button.setAttribute("aria-pressed", String(shown));
    // The charts of one figure share its legend.
    for (const chart of button.closest("figure")?.querySelectorAll(".chart") ?? [place]) {
      Plotly.restyle(chart, { visible: shown ? true : "legendonly" }, [Number(button.dataset.trace)]);
    }
  });

  // What a chart or table shows, as CSV: tables bring their own, a chart's is its traces joined on x.
  const tables = JSON.parse(document.getElementById("tables")?.textContent ?? "{}");
  // A spreadsheet takes a text that begins so for a formula, and runs it.
  const harmless = (cell) => (/^[=+\-@\t\r]/.test(cell) && Number.isNaN(Number(cell)) ? `'${cell}` : cell);
  const quoted = (cell) => (/[",\n\r]/.test(cell) ? `"${cell.replaceAll('"', '""')}"` : cell);
  const plain = (text) => new DOMParser().parseFromString(String(text), "text/html").body.textContent;

  function placeOf(trace, i) {
    if (trace.x?.length) return String(trace.x[i]);
    if (trace.dx >= 86400000) return new Date(Date.parse(`${trace.x0}`.slice(0, 10)) + i * trace.dx).toISOString().slice(0, 10);
    return String((trace.x0 ?? 0) + i * (trace.dx ?? 1));
  }

  function csvOf(id) {
    if (id in tables) return tables[id];
    const traces = document.getElementById(id)._fullData.filter((trace) => trace.y?.length && !trace.z);
    const names = traces.flatMap((trace) => (Array.isArray(trace.text) ? [trace.name, `${trace.name}, note`] : [trace.name]));
    const rows = new Map();
    let column = 0;
    for (const trace of traces) {
      const notes = Array.isArray(trace.text);
      for (let i = 0; i < trace.y.length; i += 1) {
        const at = placeOf(trace, i);
        if (!rows.has(at)) rows.set(at, new Array(names.length).fill(""));
        const y = trace.y[i];
        rows.get(at)[column] = y === null || Number.isNaN(y) ? "" : String(y);
        if (notes) rows.get(at)[column + 1] = plain(trace.text[i]);
      }
      column += notes ? 2 : 1;
    }
    const first = figures[id].layout.xaxis?.type === "date" ? "day" : "x";
    const lines = [[first, ...names.map(plain)], ...[...rows].map(([at, cells]) => [at, ...cells])];
    return lines.map((cells) => cells.map((cell) => quoted(harmless(cell))).join(",")).join("\n") + "\n";
  }

  document.addEventListener("click", (event) => {
    const button = event.target.closest("button[data-csv]");
    if (!button) return;
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([csvOf(button.dataset.csv)], { type: "text/csv" }));
    link.download = `${document.title} ${button.dataset.csv}.csv`.replace(/[^\w.() -]+/g, "_");
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 1000);
  });

  // On paper a chart is as wide as its place there, and a little flatter. The place is measured in the page as it is
  // printed: with the print styles in force, as wide as A4 without its margins.
  const print = document.getElementById("print");
  const A4 = 794 - 2 * 45;
  const flat = (height) => Math.round(height * (height > 300 ? 0.43 : height > 200 ? 0.5 : 0.75));

  function ontoPaper() {
    print.media = "all";
    const zoom = Number(getComputedStyle(document.body).zoom) || 1; // a wider page is made smaller
    document.body.style.width = `${A4 / zoom}px`;
    const widths = drawn.map((place) => Number(place.dataset.paper ?? 0) || place.clientWidth || A4);
    const chosen = themes.light;
    drawn.forEach((place, i) => {
      const { height: usual, margin } = figures[place.id].layout;
      const height = place.dataset.paper ? usual : flat(usual);
      place.style.height = `${height}px`;
      const small = { "font.size": 9, "margin.l": Math.round(margin.l * 0.76), "margin.b": margin.b > 30 ? margin.b - 4 : 22, height, width: widths[i], autosize: false };
      Plotly.relayout(place, { ...colours(figures[place.id], chosen), ...small });
    });
    document.body.style.width = "";
    print.media = "print";
  }

  function ontoScreen() {
    for (const place of drawn) {
      const { height, font, margin } = figures[place.id].layout;
      place.style.height = `${height}px`;
      const usual = { "font.size": font.size, "margin.l": margin.l, "margin.b": margin.b, height, width: undefined, autosize: true };
      Plotly.relayout(place, { ...colours(figures[place.id], theme()), ...usual });
    }
  }

  dark.addEventListener("change", () => drawn.forEach((place) => Plotly.relayout(place, colours(figures[place.id], theme()))));
  addEventListener("beforeprint", ontoPaper);
  addEventListener("afterprint", ontoScreen);

  // The contents mark the section that is being read.
  const links = new Map([...document.querySelectorAll("nav a")].map((link) => [link.hash.slice(1), link]));
  const seen = new Set();
  const watching = new IntersectionObserver((entries) => {
    for (const { target, isIntersecting } of entries) seen[isIntersecting ? "add" : "delete"](target.id);
    const first = [...links.keys()].find((id) => seen.has(id));
    for (const [id, link] of links) {
      if (id === first) link.setAttribute("aria-current", "true");
      else link.removeAttribute("aria-current");
    }
  }, { rootMargin: "0px 0px -60% 0px" });
  for (const id of links.keys()) {
    const section = document.getElementById(id);
    if (section) watching.observe(section);
  }

  // Plotly is most of the page, so it is kept compressed.
  async function unpack(id) {
    const packed = Uint8Array.from(atob(document.getElementById(id).textContent), (letter) => letter.charCodeAt(0));
    const plain = new Blob([packed]).stream().pipeThrough(new DecompressionStream("gzip"));
    const script = document.createElement("script");
    script.textContent = await new Response(plain).text();
    document.head.append(script);
  }

  // One after the other, so that the page can be read and scrolled meanwhile.
  const drawAll = () => Object.keys(figures)
    .reduce((before, id) => before.then(() => draw(id)).then(() => new Promise((next) => setTimeout(next))), Promise.resolve())
    .then(() => { document.documentElement.dataset.drawn = String(drawn.length); });

  unpack("plotly").then(drawAll, () => {
    document.querySelector("main").insertAdjacentHTML("afterbegin", '<p class="badge">The charts need a browser of 2023 or later; the tables do not.</p>');
  });
})();
