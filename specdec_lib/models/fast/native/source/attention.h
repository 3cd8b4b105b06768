// Attention of a few new positions over what is in use: every key and value is read once for all of them.
#pragma once
#include <algorithm>
#include <vector>

#include "model.h"
#include "products.h"

// Rotates one head's numbers by its position: the first half of `rotated` with the second.
static inline void turn(const Layer& layer, int64_t position, float* numbers) {
  if (!layer.cosines) return;
  const int64_t half = layer.rotated / 2;
  const float* cosine = layer.cosines + position * layer.rotated;
  const float* sine = layer.sines + position * layer.rotated;
  for (int64_t i = 0; i < half; ++i) {
    float low = numbers[i], high = numbers[i + half];
    numbers[i] = low * cosine[i] - high * sine[i];
    numbers[i + half] = high * cosine[i + half] + low * sine[i + half];
  }
}

// Scores to shares, in place: those of [least, seen) add up to one before they are divided by what is returned;
// all others up to `end` are 0.
static inline float shares_of(float* scores, int64_t least, int64_t seen, int64_t end, float scale, float cap) {
  float largest = -INFINITY;
  for (int64_t i = least; i < seen; ++i) {
    scores[i] *= scale;
    if (cap > 0) scores[i] = cap * std::tanh(scores[i] / cap);
    largest = std::max(largest, scores[i]);
  }
  for (int64_t i = 0; i < least; ++i) scores[i] = -INFINITY;
  for (int64_t i = seen; i < end; ++i) scores[i] = -INFINITY;
  lanes sum = {};
  for (int64_t i = 0; i < end; i += LANES) {
    lanes share = power_of_e(load(scores + i) - largest);
    store(scores + i, share);
    sum += share;
  }
  return total(sum);
}

// One head's queries [n], `apart` numbers from each other, over its keys and values [start + n, head_dim].
template <class Weight>
static void look(const Layer& layer, int n, int64_t start, const float* queries, int64_t apart, const Weight* keys,
                 const Weight* values, std::vector<float>& scores, float* mixed) {
  const int64_t dim = layer.head_dim, seen = start + n;
  const int64_t least = layer.window > 0 ? std::max<int64_t>(0, start + 1 - layer.window) : 0;
  const int64_t base = least / LANES * LANES;  // so that a position keeps its lane
  const int64_t end = (seen - base + LANES - 1) / LANES * LANES;
  scores.resize(n * end);
  multiply(n, queries, apart, keys + base * dim, dim, dim, 0, seen - base, scores.data(), end);
  std::vector<float> sums(n);
  for (int r = 0; r < n; ++r) {
    int64_t own = layer.window > 0 ? std::max<int64_t>(0, start + r + 1 - layer.window) : 0;
    sums[r] = shares_of(scores.data() + r * end, own - base, start + r + 1 - base, end, (float)layer.scale,
                        (float)layer.cap);
  }
  multiply_columns(n, scores.data(), end, values + base * dim, dim, seen - base, 0, dim, mixed, apart);
  for (int r = 0; r < n; ++r)
    for (int64_t i = 0; i < dim; ++i) mixed[r * apart + i] /= sums[r];
}
