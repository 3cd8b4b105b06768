// Products of rows with a matrix of weights, which is read once, as it lies.
//
// Every number of an answer is summed in one order, whatever is computed beside it: a row of a verification
// comes out to the last bit as the same row of a single step.
#pragma once
#include <algorithm>

#include "lanes.h"

// Rows and weights whose sums are kept in registers at a time.
constexpr int MOST_ROWS = REGISTERS > 16 ? 6 : 2, BESIDE = 4;
constexpr ptrdiff_t AHEAD = 8192;  // bytes that are asked for before they are needed: two pages
constexpr ptrdiff_t LINES_AHEAD = 16;
constexpr ptrdiff_t CLOSE = 36 << 10, NEAR = 256 << 10;  // bytes of rows, and of weights, that stay in caches

// Numbers between what is read and what is asked for: whole passes where lines are short.
template <class Weight>
static inline ptrdiff_t distance(ptrdiff_t step) {
  const ptrdiff_t wanted = AHEAD / sizeof(Weight), pass = BESIDE * step;
  return pass < wanted ? (wanted + pass - 1) / pass * pass : wanted;
}

// Rows of the next pass, when so many are left: about as many in each.
static inline ptrdiff_t of_next_pass(ptrdiff_t left) {
  ptrdiff_t passes = (left + MOST_ROWS - 1) / MOST_ROWS;
  return (left + passes - 1) / passes;
}

template <class Weight, int ROWS, int WEIGHTS>
static inline void sums_of(const float* rows, ptrdiff_t apart, const Weight* weights, ptrdiff_t step,
                           ptrdiff_t ahead, ptrdiff_t in, float* sums, ptrdiff_t sums_apart) {
  lanes sum[ROWS][BESIDE] = {};
  ptrdiff_t place = 0;
  for (; place + LANES <= in; place += LANES) {
    lanes weight[WEIGHTS];
    for (int w = 0; w < WEIGHTS; ++w) {
      weight[w] = load(weights + w * step + place);
      __builtin_prefetch(weights + w * step + place + ahead);
    }
    for (int r = 0; r < ROWS; ++r) {
      lanes row = load(rows + r * apart + place);
      for (int w = 0; w < WEIGHTS; ++w) sum[r][w] += weight[w] * row;
    }
  }
  if (place < in)
    for (int w = 0; w < WEIGHTS; ++w) {
      lanes weight = load_some(weights + w * step + place, in - place);
      for (int r = 0; r < ROWS; ++r) sum[r][w] += weight * load_some(rows + r * apart + place, in - place);
    }
  for (int r = 0; r < ROWS; ++r) {
    float found[BESIDE];
    totals(sum[r][0], sum[r][1], sum[r][2], sum[r][3], found);
    for (int w = 0; w < WEIGHTS; ++w) sums[r * sums_apart + w] = found[w];
  }
}

// The same for weights that lie the other way: a line of them for each number of a row, all outputs in it.
template <class Weight, int ROWS, int WEIGHTS>
static inline void columns_of(const float* rows, ptrdiff_t apart, const Weight* weights, ptrdiff_t step,
                              ptrdiff_t in, float* sums, ptrdiff_t sums_apart) {
  lanes sum[ROWS][WEIGHTS] = {};
  for (ptrdiff_t i = 0; i < in; ++i) {
    lanes weight[WEIGHTS];
    for (int w = 0; w < WEIGHTS; ++w) {
      weight[w] = load(weights + i * step + w * LANES);
      __builtin_prefetch(weights + (i + LINES_AHEAD) * step + w * LANES);
    }
    for (int r = 0; r < ROWS; ++r)
      for (int w = 0; w < WEIGHTS; ++w) sum[r][w] += weight[w] * rows[r * apart + i];
  }
  for (int r = 0; r < ROWS; ++r)
    for (int w = 0; w < WEIGHTS; ++w) store(sums + r * sums_apart + w * LANES, sum[r][w]);
}

#define OF_ROWS(NUMBER, ...)                                      \
  switch (NUMBER) {                                               \
    case 1: { constexpr int ROWS = 1; __VA_ARGS__; } break;       \
    case 2: { constexpr int ROWS = 2; __VA_ARGS__; } break;       \
    case 3: { constexpr int ROWS = 3; __VA_ARGS__; } break;       \
    case 4: { constexpr int ROWS = 4; __VA_ARGS__; } break;       \
    case 5: { constexpr int ROWS = 5; __VA_ARGS__; } break;       \
    case 6: { constexpr int ROWS = 6; __VA_ARGS__; } break;       \
  }

// Numbers [from, to) of a few rows times weights, a line of which, `step` numbers, belongs to an output.
template <class Weight>
static void multiply_few(ptrdiff_t num_rows, const float* rows, ptrdiff_t apart, const Weight* weights,
                         ptrdiff_t step, ptrdiff_t in, ptrdiff_t from, ptrdiff_t to, float* sums,
                         ptrdiff_t sums_apart) {
  const ptrdiff_t ahead = distance<Weight>(step);
  for (; from < to; from += BESIDE) {
    const Weight* line = weights + from * step;
    for (ptrdiff_t done = 0; done < num_rows;) {
      const ptrdiff_t now = of_next_pass(num_rows - done);
      const float* these = rows + done * apart;
      float* into = sums + done * sums_apart + from;
      if (from + BESIDE <= to)
        OF_ROWS(now, sums_of<Weight, ROWS, BESIDE>(these, apart, line, step, ahead, in, into, sums_apart))
      else
        for (ptrdiff_t w = 0; from + w < to; ++w)
          OF_ROWS(now, sums_of<Weight, ROWS, 1>(these, apart, line + w * step, step, ahead, in, into + w, sums_apart))
      done += now;
    }
  }
}

// The same for any number of rows: as many at a time as a core keeps close by, times weights that stay in its
// second cache until all rows have seen them.
template <class Weight>
static void multiply(ptrdiff_t num_rows, const float* rows, ptrdiff_t apart, const Weight* weights, ptrdiff_t step,
                     ptrdiff_t in, ptrdiff_t from, ptrdiff_t to, float* sums, ptrdiff_t sums_apart) {
  const ptrdiff_t few = std::max<ptrdiff_t>(MOST_ROWS, CLOSE / (in * sizeof(float)) / MOST_ROWS * MOST_ROWS);
  const ptrdiff_t fits = std::max<ptrdiff_t>(BESIDE, NEAR / (step * sizeof(Weight)) / BESIDE * BESIDE);
  const ptrdiff_t tile = num_rows <= few ? to - from : fits;
  for (; from < to; from += tile)
    for (ptrdiff_t done = 0; done < num_rows; done += few)
      multiply_few(std::min(few, num_rows - done), rows + done * apart, apart, weights, step, in, from,
                   std::min(to, from + tile), sums + done * sums_apart, sums_apart);
}

// The same where a line of weights belongs to an input.
template <class Weight>
static void multiply_columns(ptrdiff_t num_rows, const float* rows, ptrdiff_t apart, const Weight* weights,
                             ptrdiff_t step, ptrdiff_t in, ptrdiff_t from, ptrdiff_t to, float* sums,
                             ptrdiff_t sums_apart) {
  constexpr int WIDE = 4 * LANES;
  while (from < to) {
    const ptrdiff_t width = from + WIDE <= to ? WIDE : from + LANES <= to ? LANES : to - from;
    for (ptrdiff_t done = 0; done < num_rows;) {
      const ptrdiff_t now = of_next_pass(num_rows - done);
      const float* these = rows + done * apart;
      float* into = sums + done * sums_apart + from;
      if (width == WIDE)
        OF_ROWS(now, columns_of<Weight, ROWS, 4>(these, apart, weights + from, step, in, into, sums_apart))
      else if (width == LANES)
        OF_ROWS(now, columns_of<Weight, ROWS, 1>(these, apart, weights + from, step, in, into, sums_apart))
      else
        for (ptrdiff_t r = 0; r < now; ++r) {
          lanes sum = {};
          for (ptrdiff_t i = 0; i < in; ++i) sum += load_some(weights + i * step + from, width) * these[r * apart + i];
          store_some(into + r * sums_apart, sum, width);
        }
      done += now;
    }
    from += width;
  }
}
