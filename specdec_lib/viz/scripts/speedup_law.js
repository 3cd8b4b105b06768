// The speedup law: the formulas are those of specdec_lib.theory.speedup, with v(K) = 1 + slope · K; a test holds the
// two against each other.

const LARGEST_K = 64;
export const TIE = 1e-12; // speedups closer than this, relatively, are one and the same: the smaller K wins

/** Tokens a round emits on average. */
export function expectedTokens(alpha, k) {
  if (alpha === 1) return k + 1;
  if (alpha === 0 || k === 0) return 1;
  return -Math.expm1((k + 1) * Math.log(alpha)) / (1 - alpha); // no cancellation near alpha = 1
}

/** A round's cost in target forwards of one token. */
export const roundCost = (k, c, slope, overhead) => k * c + (1 + slope * k) + overhead;

export const speedup = (alpha, k, c, slope, overhead) => expectedTokens(alpha, k) / roundCost(k, c, slope, overhead);

/** The K from 1 on with the largest speedup, or 0 where none exceeds 1. */
export function optimalK(alpha, c, slope, overhead, largest = LARGEST_K) {
  let [bestK, best] = [0, 1];
  for (let k = 1; k <= largest; k += 1) {
    const candidate = speedup(alpha, k, c, slope, overhead);
    if (candidate > best * (1 + TIE)) [bestK, best] = [k, candidate];
  }
  return bestK;
}

/** The smallest alpha at which some K reaches the speedup `level`; null where alpha = 1 does not. */
export function neededAlpha(level, c, slope, overhead, largest = LARGEST_K) {
  const costs = Array.from({ length: largest }, (_, index) => level * roundCost(index + 1, c, slope, overhead));
  const reaches = (alpha) => {
    let [power, tokens] = [1, 1];
    return costs.some((cost) => {
      power *= alpha;
      tokens += power;
      return tokens >= cost;
    });
  };
  if (!reaches(1)) return null;
  let [low, high] = [0, 1];
  while (high - low > 1e-6) {
    const middle = (low + high) / 2;
    if (reaches(middle)) high = middle;
    else low = middle;
  }
  return high;
}
