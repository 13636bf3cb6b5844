// Theme, populations of the metric tables, tips, and paper. The page can be read without any.
(() => {
  "use strict";
  const at = (id) => document.getElementById(id);
  const root = document.documentElement, theme = at("theme");
  const dark = matchMedia("(prefers-color-scheme: dark)");

  function showTheme() {
    const isDark = root.dataset.theme ? root.dataset.theme === "dark" : dark.matches;
    theme.setAttribute("aria-pressed", isDark);
    window.redrawScatter();
  }
  theme.hidden = false;
  theme.addEventListener("click", () => {
    root.dataset.theme = theme.getAttribute("aria-pressed") === "true" ? "light" : "dark";
    showTheme();
  });
  dark.addEventListener("change", showTheme);
  showTheme();

  const populations = at("pick-metrics");
  function showPopulation() {
    for (const part of document.querySelectorAll(".population")) {
      part.hidden = part.dataset.population !== populations.value;
    }
  }
  at("by-population").hidden = false;
  populations.addEventListener("change", showPopulation);
  showPopulation();

  // On paper all that can be opened is open, and colours are those for paper.
  let opened = [];
  function prepare() {
    opened = opened.length ? opened : [...document.querySelectorAll("details:not([open])")];
    for (const part of opened) part.open = true;
    root.classList.add("printing"); // the canvas is drawn before the media changes
    window.redrawScatter();
  }
  function restore() {
    for (const part of opened) part.open = false;
    root.classList.remove("printing");
    opened = [];
    window.redrawScatter();
  }
  addEventListener("beforeprint", prepare);
  addEventListener("afterprint", restore);
  matchMedia("print").addEventListener("change", (event) => (event.matches ? prepare() : restore()));

  document.addEventListener("pointerover", (event) => {
    const text = event.target.dataset && event.target.dataset.tip;
    if (text) window.showTip(text, event.clientX, event.clientY);
    else if (event.target.id !== "canvas") window.showTip(null);
  });
  addEventListener("scroll", () => window.showTip(null), { passive: true });
  addEventListener("keydown", (event) => {
    if (event.key === "Escape") window.showTip(null);
  });
})();
