// Numbers: reading, ranking and writing them.
const numbers = (() => {
  "use strict";
  // The bytes of arrays are little-endian, as every browser of today is.
  function unpack(text, Type) {
    const bytes = Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
    return new Type(bytes.buffer);
  }

  const unpackWhole = ({ u2, f8 }) => (u2 ? unpack(u2, Uint16Array) : unpack(f8, Float64Array));

  // Rank 1 is the highest; equal values share the best of their ranks; NaN, no score, comes last.
  function rank(values) {
    const height = (k) => (Number.isNaN(values[k]) ? -Infinity : values[k]);
    const order = Array.from(values.keys()).sort((a, b) => height(b) - height(a) || a - b);
    const ranks = new Int32Array(values.length);
    order.forEach((place, k) => {
      const before = order[k - 1];
      ranks[place] = k && values[before] === values[place] ? ranks[before] : k + 1;
    });
    return ranks;
  }

  // Of the rows that have a number; a predictor's seed has none where it was fitted to the truth.
  function mean(rows) {
    return rows[0].map((_, k) => {
      const known = rows.map((row) => row[k]).filter((value) => !Number.isNaN(value));
      return known.reduce((sum, value) => sum + value, 0) / known.length;
    });
  }

  // Round values that part an axis into about n.
  function ticks(low, high, n) {
    const rough = (high - low) / n, power = 10 ** Math.floor(Math.log10(rough));
    const step = [1, 2, 2.5, 5, 10].map((s) => s * power).find((s) => s >= rough * 0.999999);
    const found = [];
    for (let k = Math.ceil(low / step - 1e-9); k * step <= high + 1e-9 * step; k++) found.push(k * step);
    const digits = Math.max(0, -Math.floor(Math.log10(step) + 1e-9) + (step / power === 2.5 ? 1 : 0));
    return found.map((value) => [value, value.toLocaleString("en", { minimumFractionDigits: digits, maximumFractionDigits: digits })]);
  }

  const write = (value) => String(Number(value.toPrecision(6)));

  return { unpack, unpackWhole, rank, mean, ticks, write };
})();
