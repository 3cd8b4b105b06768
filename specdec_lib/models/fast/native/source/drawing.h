// From logits to a law, and from a law to a token, as specdec_lib.decoding.sampling does both.
#pragma once
#include <algorithm>

#include "lanes.h"

// Whether all of a row's numbers are below infinity, and one of them is above minus infinity.
static inline bool is_sound(const float* row, int64_t count) {
  lanes largest = (lanes){} - INFINITY;
  whole is_below = (whole){} - 1;
  int64_t i = 0;
  for (; i + LANES <= count; i += LANES) {
    lanes numbers = load(row + i);
    is_below &= numbers < (lanes){} + INFINITY;  // false for NaN too
    largest = numbers > largest ? numbers : largest;
  }
  bool all_below = true, one_above = false;
  for (int l = 0; l < LANES; ++l) all_below &= is_below[l] != 0, one_above |= largest[l] > -INFINITY;
  for (; i < count; ++i) all_below &= row[i] < INFINITY, one_above |= row[i] > -INFINITY;
  return all_below && one_above;
}

// A row that is not sound becomes uniform over what is possible in it.
static inline void made_sound(float* row, int64_t count) {
  bool is_possible = false;
  for (int64_t i = 0; i < count; ++i) is_possible |= row[i] != -INFINITY;
  for (int64_t i = 0; i < count; ++i) row[i] = is_possible && row[i] == -INFINITY ? -INFINITY : 0.0f;
}

constexpr int64_t PIECE = 128;

// A sum in double precision, piece by piece, and in eight parts within a piece.
static inline double sum_of(const float* numbers, int64_t count) {
  double whole = 0;
  for (int64_t first = 0; first < count; first += PIECE) {
    const int64_t end = std::min(first + PIECE, count);
    double parts[8] = {};
    int64_t i = first;
    for (; i + 8 <= end; i += 8)
      for (int part = 0; part < 8; ++part) parts[part] += numbers[i + part];
    double piece = ((parts[0] + parts[4]) + (parts[2] + parts[6])) + ((parts[1] + parts[5]) + (parts[3] + parts[7]));
    for (; i < end; ++i) piece += numbers[i];
    whole += piece;
  }
  return whole;
}

// Sound logits to probabilities at a temperature above 0, in place.
static inline void made_law(float* row, int64_t count, float temperature) {
  const float largest = *std::max_element(row, row + count);
  temperature = std::max(temperature, 1.17549435e-38f);
  int64_t i = 0;
  for (; i + LANES <= count; i += LANES) store(row + i, power_of_e((load(row + i) - largest) / temperature));
  for (; i < count; ++i) row[i] = std::exp((row[i] - largest) / temperature);
  const float scale = (float)(1 / sum_of(row, count));
  for (i = 0; i < count; ++i) row[i] *= scale;
}

// Where the sum of a law passes `chance` times its whole: never a token of probability 0.
static inline int64_t inverted(const float* law, int64_t count, double chance) {
  const double aim = chance * sum_of(law, count);
  double before = 0;
  int64_t first = 0;
  for (; first + PIECE < count; first += PIECE) {
    const double piece = sum_of(law + first, PIECE);
    if (before + piece > aim) break;
    before += piece;
  }
  for (int64_t i = first; i < count; ++i) {
    before += law[i];
    if (law[i] > 0 && before > aim) return i;
  }
  int64_t last = count - 1;  // by rounding the aim lies at the very end
  while (last > 0 && law[last] <= 0) --last;
  return last;
}

// Rejection sampling of one draft (Leviathan et al. 2023, Algorithm 1): logits [k + 1, vocab] and laws
// [k, vocab] that the k tokens were drawn from. Receives how many stay, and the token behind them.
static inline void judge(const float* logits, int64_t vocab, float temperature, const int64_t* drafted,
                         const float* laws, int64_t k, const float* uniforms, double chance, float* row,
                         int64_t* verdict) {
  for (int64_t i = 0;; ++i) {
    std::copy(logits + i * vocab, logits + (i + 1) * vocab, row);
    made_law(row, vocab, temperature);
    if (i < k) {
      const float* law = laws + i * vocab;
      const float picked = law[drafted[i]];
      if (uniforms[i] < (picked > 0 ? std::min(row[drafted[i]] / picked, 1.0f) : 0.0f)) continue;
      float largest = 0;
      for (int64_t v = 0; v < vocab; ++v) largest = std::max(largest, row[v] - law[v]);
      if (largest > 0)  // else p = q but for rounding: the correction is drawn from p
        for (int64_t v = 0; v < vocab; ++v) row[v] = std::max(row[v] - law[v], 0.0f);
    }
    verdict[0] = i;
    verdict[1] = inverted(row, vocab, chance);
    return;
  }
}
