// Many estimators: which are in the figures, which rows match a name, and the order of tables.
(() => {
  "use strict";
  const LANE = 13, MIN_SORTED = 3;
  const panel = document.getElementById("estimators");

  function show(element, isShown) { // SVG has no property `hidden`
    if (isShown) element.removeAttribute("hidden");
    else element.setAttribute("hidden", "");
  }

  // Rows of categories close the gaps of lanes that are taken out.
  function layOut(chart) {
    const rows = [...chart.querySelectorAll(".row")];
    if (!rows.length) return;
    const lanes = [...rows[0].querySelectorAll(".lane")];
    const own = lanes.filter((lane) => lane.dataset.series !== "");
    const gone = own.filter((lane) => lane.hasAttribute("hidden")).length;
    rows.forEach((row, number) => {
      row.setAttribute("transform", `translate(0 ${-number * gone * LANE})`);
      let above = 0;
      for (const lane of row.querySelectorAll(".lane")) {
        lane.setAttribute("transform", `translate(0 ${-above * LANE})`);
        if (lane.hasAttribute("hidden")) above += 1;
      }
      const name = row.querySelector(".tick");
      name.setAttribute("transform", `translate(0 ${(-gone * LANE) / 2})`);
    });
    const [, , width, height] = (chart.dataset.whole ||= chart.getAttribute("viewBox")).split(" ");
    const up = rows.length * gone * LANE;
    chart.setAttribute("viewBox", `0 0 ${width} ${height - up}`);
    chart.querySelector(".foot").setAttribute("transform", `translate(0 ${-up})`);
    for (const line of chart.querySelectorAll(".down")) {
      line.setAttribute("y2", (line.dataset.whole ||= line.getAttribute("y2")) - up);
    }
  }

  if (panel) {
    const boxes = [...panel.querySelectorAll("input[type=checkbox]")];
    const filter = document.getElementById("filter"), shown = document.getElementById("shown");
    const floors = new Set(panel.dataset.floors.split(" "));
    const drawn = "figure g[data-series], figure .legend li[data-series]";

    const update = () => {
      const off = new Set(boxes.filter((box) => !box.checked).map((box) => box.value));
      for (const each of document.querySelectorAll(drawn)) show(each, !off.has(each.dataset.series));
      document.querySelectorAll("svg.chart").forEach(layOut);
      const wanted = filter.value.trim().toLowerCase();
      let n = 0;
      const hidden = new Set();
      for (const box of boxes) {
        const matches = box.parentElement.textContent.toLowerCase().includes(wanted);
        show(box.closest("li"), matches);
        if (matches) n += 1;
        else hidden.add(box.value);
      }
      for (const row of document.querySelectorAll("tbody tr[data-series]")) {
        show(row, !hidden.has(row.dataset.series));
      }
      shown.textContent = `Figures show ${boxes.length - off.size} of ${boxes.length} estimators`
        + (n < boxes.length ? `; tables show the ${n} whose name has "${filter.value.trim()}".` : "; tables show all.")
        + " Headings of tables sort them.";
    };
    panel.addEventListener("change", update);
    filter.addEventListener("input", update);
    panel.addEventListener("click", (event) => {
      const which = event.target.dataset.show;
      if (!which) return;
      const most = Number(panel.dataset.most);
      boxes.forEach((box, place) => {
        box.checked = which === "all" || place < most || floors.has(box.value);
      });
      update();
    });
    show(panel, true);
    show(shown, true);
    panel.querySelector("[data-show=best]").click();
  }

  // A table of estimators is sorted by the number that a cell begins with, or by its text.
  function keyOf(row, column) {
    const text = row.cells[column].textContent.trim();
    const number = parseFloat(text.replace(/,/g, "").replace("\u2212", "-"));
    return Number.isNaN(number) ? text.toLowerCase() : number;
  }
  function compare(a, b) {
    if (typeof a !== typeof b) return typeof a === "number" ? -1 : 1; // no number: last
    return a < b ? -1 : Number(a > b);
  }
  for (const table of document.querySelectorAll("table")) {
    const body = table.tBodies[0], rows = [...body.rows];
    if (rows.length < MIN_SORTED || !rows.every((row) => row.dataset.series)) continue;
    const heads = [...table.tHead.rows[0].cells];
    heads.forEach((head, column) => {
      const button = document.createElement("button");
      button.type = "button";
      button.className = "sort";
      button.textContent = head.textContent;
      head.replaceChildren(button);
      button.addEventListener("click", () => {
        const isUp = head.getAttribute("aria-sort") === "descending" || (column === 0 && !head.hasAttribute("aria-sort"));
        for (const other of heads) other.removeAttribute("aria-sort");
        head.setAttribute("aria-sort", isUp ? "ascending" : "descending");
        const keyed = [...body.rows].map((row) => [keyOf(row, column), row]);
        keyed.sort(([a], [b]) => {
          const order = compare(a, b);
          return isUp || typeof a !== typeof b ? order : -order;
        });
        body.append(...keyed.map(([, row]) => row));
      });
    });
  }
})();
