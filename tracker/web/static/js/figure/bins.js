// How often numbers fall into ranges of equal width.

const MOST = 80;

/** Returns {borders, counts}: as many bins as `wanted`, else as many as the quartiles suggest (Freedman and Diaconis). */
export function binsOf(numbers, wanted = null) {
  const sorted = Float64Array.from(numbers).sort();
  const many = sorted.length, low = sorted[0], high = sorted[many - 1];
  if (low === high) return { borders: [low - 0.5, low + 0.5], counts: [many] };
  const width = 2 * (sorted[Math.floor(many * 0.75)] - sorted[Math.floor(many * 0.25)]) / Math.cbrt(many);
  const bins = Math.round(Math.min(MOST, Math.max(4, wanted ?? (width > 0 ? (high - low) / width : Math.sqrt(many)))));
  const counts = new Array(bins).fill(0);
  for (const value of sorted) counts[Math.min(bins - 1, Math.floor((value - low) / (high - low) * bins))]++;
  return { borders: Array.from({ length: bins + 1 }, (_, i) => low + (high - low) * i / bins), counts };
}
