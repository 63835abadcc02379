(() => {
  "use strict";

  const button = document.getElementById("download");
  button.addEventListener("click", () => {
    const text = JSON.parse(document.getElementById("trials").textContent);
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([text], { type: "text/csv" }));
    link.download = button.dataset.file;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 1000);
  });

  // A table that is wider than its place says so below it.
  const tables = [...document.querySelectorAll(".scroll")];
  const measure = () => {
    for (const table of tables) table.toggleAttribute("data-more", table.scrollWidth > table.clientWidth + 1);
  };
  addEventListener("resize", measure);
  measure();

  // Traces 0 to 9 are the tenths, the best one last.
  const switches = [...document.querySelectorAll("button[data-tenths]")];
  for (const pressed of switches) {
    pressed.addEventListener("click", () => {
      for (const other of switches) other.setAttribute("aria-pressed", String(other === pressed));
      const tenths = [...Array(10).keys()];
      Plotly.restyle("paths", { visible: tenths.map((tenth) => tenth >= 10 - Number(pressed.dataset.tenths)) }, tenths);
    });
  }
})();
