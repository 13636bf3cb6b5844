// The scatter of score against truth: drawn on a canvas, since thousands of elements are slow.
(() => {
  "use strict";
  const { unpack, unpackWhole, rank, mean, ticks, write } = numbers;
  const data = JSON.parse(document.getElementById("data").textContent);
  const at = (id) => document.getElementById(id);
  const canvas = at("canvas"), screen = canvas.getContext("2d");
  // Points are drawn aside, once; marking one of them is then a copy and a ring.
  const layer = document.createElement("canvas"), context = layer.getContext("2d");
  const PAD = { left: 62, right: 14, top: 14, bottom: 44 };
  const REACH = 24; // pixels from a pointer to a point that it still means
  const BEST = 20;
  const CELL = 24;

  // The positions of a string's parts are the digits of its code, the last part's last.
  function spell({ plain, parts, codes }) {
    return plain || Array.from(unpackWhole(codes), (code) => {
      let text = "";
      for (const column of parts.slice().reverse()) {
        text = column[code % column.length] + text;
        code = Math.floor(code / column.length);
      }
      return text;
    });
  }

  function openTruth(packed) {
    if (packed.open) return packed.open;
    const truth = unpack(packed.truth, Float64Array);
    packed.open = {
      index: packed.index && unpackWhole(packed.index),
      names: spell(packed.names),
      masks: unpack(packed.masks, Uint32Array),
      truth,
      metric: packed.metric,
      unit: packed.unit === "%" ? "%" : ` ${packed.unit}`,
      truthRank: rank(packed.is_lower_better ? truth.map((value) => -value) : truth),
    };
    return packed.open;
  }

  const state = { shown: [], found: null, chosen: -1, points: null };
  let now = null; // the truth, the estimator and its scores

  function options(select, rows) {
    const before = select.selectedIndex;
    select.replaceChildren(...rows.map((text, k) => new Option(text, k)));
    select.selectedIndex = before > 0 && before < rows.length ? before : 0;
  }

  function pick() {
    const packed = data.truths[at("pick-truth").selectedIndex];
    const open = openTruth(packed);
    options(at("pick-estimator"), packed.estimators.map((one) => one.label));
    const one = packed.estimators[at("pick-estimator").selectedIndex];
    one.open ||= one.scores.map((text) => unpack(text, Float64Array));
    const seeds = one.seeds.map((seed) => (seed === null ? "one set" : `seed ${seed}`));
    options(at("pick-seed"), seeds.length > 1 ? [`mean of ${seeds.length} seeds`, ...seeds] : seeds);
    const which = at("pick-seed").selectedIndex;
    const score = seeds.length > 1 ? (which ? one.open[which - 1] : mean(one.open)) : one.open[0];
    options(at("pick-population"), packed.populations.map((p) => p.name.replaceAll("_", " ")));
    now = { packed, open, one, score, scoreRank: rank(score), seed: at("pick-seed").value };
    filter();
  }

  function filter() {
    const { packed, open, score } = now;
    const bit = 1 << at("pick-population").selectedIndex;
    state.shown = Array.from(open.truth.keys()).filter((k) => open.masks[k] & bit && !Number.isNaN(score[k]));
    const text = at("find").value.trim().toLowerCase();
    const isIndex = open.index && /^\d+$/.test(text);
    state.found = null;
    if (text) {
      const fits = (k) => (isIndex ? String(open.index[k]) === text : open.names[k].toLowerCase().includes(text));
      state.found = state.shown.filter(fits);
    }
    state.chosen = state.found && state.found.length === 1 ? state.found[0] : -1;
    state.steps = (state.found || state.shown).slice().sort((a, b) => open.truthRank[a] - open.truthRank[b]);
    at("step").max = Math.max(1, state.steps.length);
    at("step").value = 1;
    describe(packed.populations[at("pick-population").selectedIndex]);
    draw();
  }

  function describe(population) {
    const { open, one, score, scoreRank, packed } = now;
    const whole = open.truth.length.toLocaleString("en");
    const isPart = packed.n_archs > open.truth.length;
    const sample = isPart ? `, drawn from ${packed.n_archs.toLocaleString("en")} (tables are of all),` : "";
    let text = `${state.shown.length.toLocaleString("en")} of ${whole} architectures${sample} are shown`;
    if (state.found) text += `; ${state.found.length.toLocaleString("en")} of these match`;
    at("count").textContent = `${text}.`;
    const seeds = at("pick-seed").selectedOptions[0].text;
    const caption = `${one.label} (${one.kind}, ${seeds}) against ${packed.title}, on ${population.description}.` +
      ` Ranks are among ${isPart ? "the sample's" : "all"} ${whole}; 1 is the best.`;
    at("cloud-caption").textContent = caption;
    at("cloud").setAttribute("aria-label", `Scatter of score against truth. ${caption} ${text}.`);
    const best = (state.found || state.shown).slice().sort((a, b) => scoreRank[a] - scoreRank[b]).slice(0, BEST);
    at("best").tBodies[0].replaceChildren(...best.map((k) => {
      const row = document.createElement("tr");
      const cells = [open.names[k], open.index ? open.index[k] : "\u2013", write(score[k]), scoreRank[k], write(open.truth[k]), open.truthRank[k]];
      cells.forEach((cell, column) => {
        const element = document.createElement(column ? "td" : "th");
        if (!column) element.scope = "row";
        element.textContent = cell;
        row.append(element);
      });
      return row;
    }));
    tell();
  }

  function figures(k) {
    const { open, score, scoreRank } = now;
    const whole = open.truth.length.toLocaleString("en");
    const index = open.index ? `index ${open.index[k]}; ` : "";
    return `${open.names[k]}\n${index}truth ${write(open.truth[k])}${open.unit}, score ${write(score[k])}\n` +
      `rank ${scoreRank[k].toLocaleString("en")} by score, ${open.truthRank[k].toLocaleString("en")} by truth, of ${whole}`;
  }

  function tell() {
    const text = "Point at an architecture, or step through them, to read its figures.";
    at("chosen").textContent = state.chosen < 0 ? text : figures(state.chosen);
    at("step").setAttribute("aria-valuetext", state.chosen < 0 ? "none" : figures(state.chosen).replaceAll("\n", ", "));
  }

  function axis(values, shown, start, end, isRank) {
    let low = Infinity, high = -Infinity;
    for (const k of shown) { low = Math.min(low, values[k]); high = Math.max(high, values[k]); }
    if (low > high) [low, high] = [0, 1];
    const free = (high - low) * 0.03 || Math.abs(low) / 10 || 1;
    [low, high] = [low - free, high + free];
    const from = isRank ? high : low, to = isRank ? low : high; // rank 1 is at the right, and at the top
    const place = (value) => start + ((value - from) / (to - from)) * (end - start);
    return { low, high, place };
  }

  function draw() {
    const box = canvas.getBoundingClientRect();
    if (!box.width || !now) return;
    const ratio = Math.max(window.devicePixelRatio || 1, document.documentElement.classList.contains("printing") ? 3 : 1);
    for (const one of [canvas, layer]) {
      one.width = Math.round(box.width * ratio);
      one.height = Math.round(box.height * ratio);
      one.getContext("2d").setTransform(ratio, 0, 0, ratio, 0, 0);
    }
    const css = getComputedStyle(document.documentElement), colour = (name) => css.getPropertyValue(`--${name}`);
    const isRanks = at("pick-axes").value === "ranks", { open, score, scoreRank, one } = now;
    const xs = isRanks ? open.truthRank : open.truth, ys = isRanks ? scoreRank : score;
    const x = axis(xs, state.shown, PAD.left, box.width - PAD.right, isRanks);
    const y = axis(ys, state.shown, box.height - PAD.bottom, PAD.top, isRanks);
    frame(box, x, y, colour, isRanks);
    const points = { x: new Float32Array(open.truth.length), y: new Float32Array(open.truth.length), grid: new Map() };
    const hits = new Set(state.found || []);
    const size = state.shown.length > 4000 ? 1.6 : state.shown.length > 800 ? 2.2 : 3;
    const dots = (list, alpha, radius) => {
      context.globalAlpha = alpha;
      for (const k of list) {
        context.beginPath();
        context.arc(points.x[k], points.y[k], radius, 0, 7);
        context.fill();
      }
      context.globalAlpha = 1;
    };
    for (const k of state.shown) {
      points.x[k] = x.place(xs[k]);
      points.y[k] = y.place(ys[k]);
      const cell = `${Math.floor(points.x[k] / CELL)},${Math.floor(points.y[k] / CELL)}`;
      if (!points.grid.has(cell)) points.grid.set(cell, []);
      points.grid.get(cell).push(k);
    }
    context.fillStyle = colour(`s${one.style}`);
    dots(state.shown, state.found ? 0.12 : state.shown.length > 4000 ? 0.4 : 0.65, size);
    if (state.found) dots([...hits], 0.9, Math.max(size, 2.6));
    state.points = points;
    show();
  }

  function frame(box, x, y, colour, isRanks) {
    context.font = "12.5px system-ui, sans-serif";
    context.strokeStyle = colour("grid");
    context.lineWidth = 1;
    context.fillStyle = colour("quiet");
    context.textAlign = "center";
    for (const [value, text] of ticks(x.low, x.high, box.width > 600 ? 7 : 4)) {
      if (isRanks && value < 1) continue;
      line(x.place(value), PAD.top, x.place(value), box.height - PAD.bottom);
      context.fillText(text, x.place(value), box.height - PAD.bottom + 17);
    }
    context.textAlign = "right";
    for (const [value, text] of ticks(y.low, y.high, 6)) {
      if (isRanks && value < 1) continue;
      line(PAD.left, y.place(value), box.width - PAD.right, y.place(value));
      context.fillText(text, PAD.left - 7, y.place(value) + 4);
    }
    context.fillStyle = colour("ink");
    context.fillText(isRanks ? "rank by truth" : `true ${now.open.metric}`, box.width - PAD.right, box.height - 8);
    context.textAlign = "left";
    context.fillText(isRanks ? "rank by score" : "score", PAD.left + 6, PAD.top + 8);
  }

  function line(x1, y1, x2, y2) {
    context.beginPath();
    context.moveTo(x1, y1);
    context.lineTo(x2, y2);
    context.stroke();
  }

  function show() {
    screen.save();
    screen.resetTransform();
    screen.clearRect(0, 0, canvas.width, canvas.height);
    screen.drawImage(layer, 0, 0);
    screen.restore();
    if (state.chosen < 0) return;
    screen.strokeStyle = getComputedStyle(document.documentElement).getPropertyValue("--mark");
    screen.lineWidth = 2.5;
    screen.beginPath();
    screen.arc(state.points.x[state.chosen], state.points.y[state.chosen], 7, 0, 7);
    screen.stroke();
  }

  function choose(k) {
    if (k === state.chosen) return;
    state.chosen = k;
    if (state.points) show();
    tell();
  }

  function nearest(x, y) {
    let best = -1, least = REACH * REACH;
    const { grid, x: xs, y: ys } = state.points;
    for (let i = -1; i <= 1; i++) for (let j = -1; j <= 1; j++) {
      const cell = grid.get(`${Math.floor(x / CELL) + i},${Math.floor(y / CELL) + j}`) || [];
      for (const k of cell) {
        const far = (xs[k] - x) ** 2 + (ys[k] - y) ** 2;
        if (far < least) [best, least] = [k, far];
      }
    }
    return best;
  }

  function point(event) {
    if (!state.points) return;
    const box = canvas.getBoundingClientRect();
    const k = nearest(event.clientX - box.left, event.clientY - box.top);
    if (k < 0) return hideTip();
    choose(k);
    window.showTip(figures(k), event.clientX, event.clientY);
  }

  const hideTip = () => window.showTip(null);

  options(at("pick-truth"), data.truths.map((one) => one.title));
  document.querySelector(".explorer").hidden = false;
  at("no-script").hidden = true;
  for (const id of ["pick-truth", "pick-estimator", "pick-seed"]) at(id).addEventListener("change", pick);
  at("pick-population").addEventListener("change", filter);
  at("find").addEventListener("input", filter);
  at("pick-axes").addEventListener("change", draw);
  at("step").addEventListener("input", () => {
    if (state.steps.length) choose(state.steps[at("step").value - 1]);
  });
  canvas.addEventListener("pointermove", point);
  canvas.addEventListener("pointerdown", point);
  canvas.addEventListener("pointerleave", hideTip);
  window.redrawScatter = draw;
  // Where the marked architecture is, in the window's pixels.
  window.scatterPlace = () => {
    const box = canvas.getBoundingClientRect();
    return [box.left + state.points.x[state.chosen], box.top + state.points.y[state.chosen]];
  };
  pick();
  new ResizeObserver(draw).observe(canvas.parentElement);
})();
