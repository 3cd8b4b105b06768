// From logits to a law, and from a law to a token, as specdec_lib.decoding.sampling does both.
#pragma once
#include <algorithm>

#include "lanes.h"

// A row that holds NaN or plus infinity, or minus infinity alone, becomes uniform over what is possible in it.
static inline void made_sound(float* row, int64_t count) {
  float largest = -INFINITY;
  bool is_sound = true;
  for (int64_t i = 0; i < count; ++i) {
    is_sound &= row[i] < INFINITY;  // false for NaN too
    largest = std::max(largest, row[i]);
  }
  if (is_sound && largest > -INFINITY) return;
  bool is_possible = false;
  for (int64_t i = 0; i < count; ++i) is_possible |= row[i] != -INFINITY;
  for (int64_t i = 0; i < count; ++i) row[i] = is_possible && row[i] == -INFINITY ? -INFINITY : 0.0f;
}

// Sound logits to probabilities at a temperature above 0, in place.
static inline void made_law(float* row, int64_t count, float temperature) {
  const float largest = *std::max_element(row, row + count);
  temperature = std::max(temperature, 1.17549435e-38f);
  double sum = 0;
  int64_t i = 0;
  for (; i + LANES <= count; i += LANES) store(row + i, power_of_e((load(row + i) - largest) / temperature));
  for (; i < count; ++i) row[i] = std::exp((row[i] - largest) / temperature);
  for (i = 0; i < count; ++i) sum += row[i];
  const float scale = (float)(1 / sum);
  for (i = 0; i < count; ++i) row[i] *= scale;
}

// Where the sum of a law passes `chance` times its whole: never a token of probability 0.
static inline int64_t inverted(const float* law, int64_t count, double chance) {
  double whole = 0, sum = 0;
  for (int64_t i = 0; i < count; ++i) whole += law[i];
  int64_t last = 0;
  for (int64_t i = 0; i < count; ++i) {
    if (law[i] <= 0) continue;
    last = i;
    sum += law[i];
    if (sum > chance * whole) break;
  }
  return last;
}
