// Products of a few rows with a matrix of weights, which is read once, as it lies.
//
// Every number of an answer is summed in one order, whatever is computed beside it: a row of a verification
// comes out to the last bit as the same row of a single step.
#pragma once
#include "lanes.h"

constexpr int MOST_ROWS = 8;  // of one pass over the weights

// Rows of weights that are summed at a time, so that all sums stay in registers.
constexpr int weights_beside(int rows) {
  int fits = (REGISTERS - 2 - (REGISTERS > 16 ? 0 : rows)) / (rows + 1);
  return fits < 1 ? 1 : fits > 8 ? 8 : fits;
}

template <class Weight, int ROWS, int BESIDE>
static inline void sums_of(const float* rows, ptrdiff_t apart, const Weight* weights, ptrdiff_t step,
                           ptrdiff_t in, float* sums, ptrdiff_t sums_apart) {
  lanes sum[BESIDE][ROWS] = {};
  ptrdiff_t place = 0;
  for (; place + LANES <= in; place += LANES) {
    lanes weight[BESIDE];
    for (int w = 0; w < BESIDE; ++w) weight[w] = load(weights + w * step + place);
    for (int r = 0; r < ROWS; ++r) {
      lanes row = load(rows + r * apart + place);
      for (int w = 0; w < BESIDE; ++w) sum[w][r] += weight[w] * row;
    }
  }
  for (int w = 0; w < BESIDE; ++w)
    for (int r = 0; r < ROWS; ++r) {
      float found = total(sum[w][r]);
      for (ptrdiff_t i = place; i < in; ++i) found += number(weights + w * step + i) * rows[r * apart + i];
      sums[r * sums_apart + w] = found;
    }
}

template <class Weight, int ROWS>
static void rows_times(const float* rows, ptrdiff_t apart, const Weight* weights, ptrdiff_t step, ptrdiff_t in,
                       ptrdiff_t from, ptrdiff_t to, float* sums, ptrdiff_t sums_apart) {
  constexpr int BESIDE = weights_beside(ROWS);
  for (; from + BESIDE <= to; from += BESIDE)
    sums_of<Weight, ROWS, BESIDE>(rows, apart, weights + from * step, step, in, sums + from, sums_apart);
  for (; from < to; ++from)
    sums_of<Weight, ROWS, 1>(rows, apart, weights + from * step, step, in, sums + from, sums_apart);
}

// The same for weights that lie the other way: a line of them for each number of a row, all outputs in it.
template <class Weight, int ROWS, int WIDTH>
static inline void columns_of(const float* rows, ptrdiff_t apart, const Weight* weights, ptrdiff_t step,
                              ptrdiff_t first, ptrdiff_t in, float* sums, ptrdiff_t sums_apart) {
  lanes sum[ROWS][WIDTH] = {};
  for (ptrdiff_t i = first; i < in; ++i) {
    lanes weight[WIDTH];
    for (int w = 0; w < WIDTH; ++w) weight[w] = load(weights + i * step + w * LANES);
    for (int r = 0; r < ROWS; ++r)
      for (int w = 0; w < WIDTH; ++w) sum[r][w] += weight[w] * rows[r * apart + i];
  }
  for (int r = 0; r < ROWS; ++r)
    for (int w = 0; w < WIDTH; ++w) store(sums + r * sums_apart + w * LANES, sum[r][w]);
}

template <class Weight, int ROWS>
static void rows_times_columns(const float* rows, ptrdiff_t apart, const Weight* weights, ptrdiff_t step,
                               ptrdiff_t first, ptrdiff_t in, ptrdiff_t from, ptrdiff_t to, float* sums,
                               ptrdiff_t sums_apart) {
  constexpr int FITS = (REGISTERS - 1) / (ROWS + 1), WIDTH = FITS < 1 ? 1 : FITS > 4 ? 4 : FITS;
  for (; from + WIDTH * LANES <= to; from += WIDTH * LANES)
    columns_of<Weight, ROWS, WIDTH>(rows, apart, weights + from, step, first, in, sums + from, sums_apart);
  for (; from + LANES <= to; from += LANES)
    columns_of<Weight, ROWS, 1>(rows, apart, weights + from, step, first, in, sums + from, sums_apart);
  for (; from < to; ++from)
    for (int r = 0; r < ROWS; ++r) {
      float found = 0;
      for (ptrdiff_t i = first; i < in; ++i) found += number(weights + i * step + from) * rows[r * apart + i];
      sums[r * sums_apart + from] = found;
    }
}

// Numbers [from, to) of `rows` times `weights`, for any number of rows.
template <class Weight>
static void multiply(bool is_columns, int num_rows, const float* rows, ptrdiff_t apart, const Weight* weights,
                     ptrdiff_t step, ptrdiff_t first, ptrdiff_t in, ptrdiff_t from, ptrdiff_t to, float* sums,
                     ptrdiff_t sums_apart) {
  for (int done = 0; done < num_rows;) {
    int left = num_rows - done;
    int now = left <= MOST_ROWS ? left : left < 2 * MOST_ROWS ? (left + 1) / 2 : MOST_ROWS;
    const float* these = rows + done * apart;
    float* into = sums + done * sums_apart;
#define OF_ROWS(N)                                                                                             \
  case N:                                                                                                      \
    if (is_columns)                                                                                            \
      rows_times_columns<Weight, N>(these, apart, weights, step, first, in, from, to, into, sums_apart);       \
    else                                                                                                       \
      rows_times<Weight, N>(these, apart, weights, step, in, from, to, into, sums_apart);                      \
    break;
    switch (now) {
      OF_ROWS(1) OF_ROWS(2) OF_ROWS(3) OF_ROWS(4) OF_ROWS(5) OF_ROWS(6) OF_ROWS(7) OF_ROWS(8)
    }
#undef OF_ROWS
    done += now;
  }
}
