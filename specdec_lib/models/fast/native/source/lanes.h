// Vectors of numbers as wide as the processor's registers, by the vector extension of GCC and Clang.
#pragma once
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>

#if defined(__AVX512F__)
constexpr int LANES = 16, REGISTERS = 32;
#elif defined(__AVX__)
constexpr int LANES = 8, REGISTERS = 16;
#elif defined(__aarch64__)
constexpr int LANES = 4, REGISTERS = 32;
#else
constexpr int LANES = 4, REGISTERS = 16;
#endif

typedef float lanes __attribute__((vector_size(LANES * 4)));
typedef float lanes_anywhere __attribute__((vector_size(LANES * 4), aligned(4), may_alias));
typedef int32_t whole __attribute__((vector_size(LANES * 4)));
typedef uint32_t bits __attribute__((vector_size(LANES * 4)));
typedef uint16_t halves_anywhere __attribute__((vector_size(LANES * 2), aligned(2), may_alias));

typedef uint16_t bfloat16;

static inline lanes load(const float* from) { return *(const lanes_anywhere*)from; }

static inline lanes load(const bfloat16* from) {
  bits wide = __builtin_convertvector(*(const halves_anywhere*)from, bits) << 16;
  lanes numbers;
  memcpy(&numbers, &wide, sizeof numbers);
  return numbers;
}

// The first `count` numbers, and zeros behind them.
template <class Number>
static inline lanes load_some(const Number* from, ptrdiff_t count) {
  Number filled[LANES] = {};
  memcpy(filled, from, count * sizeof(Number));
  return load(filled);
}

static inline float number(const float* from) { return *from; }

static inline float number(const bfloat16* from) {
  uint32_t wide = (uint32_t)*from << 16;
  float found;
  memcpy(&found, &wide, sizeof found);
  return found;
}

static inline void store(float* to, lanes numbers) { *(lanes_anywhere*)to = numbers; }
static inline void store_some(float* to, lanes numbers, ptrdiff_t count) { memcpy(to, &numbers, count * 4); }

// Rounds to the nearest, ties to even, as torch does; NaN stays NaN.
static inline bfloat16 rounded(float number) {
  uint32_t wide;
  memcpy(&wide, &number, sizeof wide);
  if (number != number) return 0x7FC0;
  return (bfloat16)((wide + 0x7FFF + ((wide >> 16) & 1)) >> 16);
}

static inline void put(float* to, float number) { *to = number; }
static inline void put(bfloat16* to, float number) { *to = rounded(number); }

// Lanes picked from two vectors by number, the second's behind the first's.
#if defined(__clang__)
#define PICKED(first, second, ...) __builtin_shufflevector(first, second, __VA_ARGS__)
#else
#define PICKED(first, second, ...) __builtin_shuffle(first, second, (whole){__VA_ARGS__})
#endif

// The sums over the lanes of four vectors. Each is halved again and again: the first half of what is left and the
// second are added, until one number is left.
static inline void totals(lanes a, lanes b, lanes c, lanes d, float* to) {
#if defined(__AVX512F__)
  lanes ab = PICKED(a, b, 0, 1, 2, 3, 4, 5, 6, 7, 16, 17, 18, 19, 20, 21, 22, 23) +
             PICKED(a, b, 8, 9, 10, 11, 12, 13, 14, 15, 24, 25, 26, 27, 28, 29, 30, 31);
  lanes cd = PICKED(c, d, 0, 1, 2, 3, 4, 5, 6, 7, 16, 17, 18, 19, 20, 21, 22, 23) +
             PICKED(c, d, 8, 9, 10, 11, 12, 13, 14, 15, 24, 25, 26, 27, 28, 29, 30, 31);
  lanes all = PICKED(ab, cd, 0, 1, 2, 3, 8, 9, 10, 11, 16, 17, 18, 19, 24, 25, 26, 27) +
              PICKED(ab, cd, 4, 5, 6, 7, 12, 13, 14, 15, 20, 21, 22, 23, 28, 29, 30, 31);
  all += PICKED(all, all, 2, 3, 0, 1, 6, 7, 4, 5, 10, 11, 8, 9, 14, 15, 12, 13);
  all += PICKED(all, all, 1, 0, 3, 2, 5, 4, 7, 6, 9, 8, 11, 10, 13, 12, 15, 14);
  all = PICKED(all, all, 0, 4, 8, 12, 0, 4, 8, 12, 0, 4, 8, 12, 0, 4, 8, 12);
#elif defined(__AVX__)
  lanes ab = PICKED(a, b, 0, 1, 2, 3, 8, 9, 10, 11) + PICKED(a, b, 4, 5, 6, 7, 12, 13, 14, 15);
  lanes cd = PICKED(c, d, 0, 1, 2, 3, 8, 9, 10, 11) + PICKED(c, d, 4, 5, 6, 7, 12, 13, 14, 15);
  lanes all = PICKED(ab, cd, 0, 1, 4, 5, 8, 9, 12, 13) + PICKED(ab, cd, 2, 3, 6, 7, 10, 11, 14, 15);
  all += PICKED(all, all, 1, 0, 3, 2, 5, 4, 7, 6);
  all = PICKED(all, all, 0, 2, 4, 6, 0, 2, 4, 6);
#else
  lanes ab = PICKED(a, b, 0, 1, 4, 5) + PICKED(a, b, 2, 3, 6, 7);
  lanes cd = PICKED(c, d, 0, 1, 4, 5) + PICKED(c, d, 2, 3, 6, 7);
  lanes all = PICKED(ab, cd, 0, 2, 4, 6) + PICKED(ab, cd, 1, 3, 5, 7);
#endif
  memcpy(to, &all, 16);
}

// The sum over the lanes of one, in the same order.
static inline float total(lanes numbers) {
  float found[4];
  totals(numbers, numbers, numbers, numbers, found);
  return found[0];
}

// e to the power of x, to about one unit in the last place; below -87 it is 0.
static inline lanes power_of_e(lanes x) {
  const lanes least = (lanes){} - 87.0f, most = (lanes){} + 88.0f;
  whole is_small = x < least, is_large = x > most;
  x = is_small ? least : x;
  x = is_large ? most : x;
  lanes scaled = x * 1.44269504088896341f;
  lanes shifted = scaled + 12582912.0f;  // 1.5 * 2^23: what is added rounds to a whole number
  lanes times = shifted - 12582912.0f;
  lanes rest = x - times * 0.693359375f;
  rest = rest - times * -2.12194440e-4f;
  lanes sum = rest * 1.9875691500e-4f + 1.3981999507e-3f;
  sum = sum * rest + 8.3334519073e-3f;
  sum = sum * rest + 4.1665795894e-2f;
  sum = sum * rest + 1.6666665459e-1f;
  sum = sum * rest + 5.0000001201e-1f;
  sum = sum * rest * rest + rest + 1.0f;
  whole exponent = (__builtin_convertvector(times, whole) + 127) << 23;
  lanes power;
  memcpy(&power, &exponent, sizeof power);
  sum = sum * power;
  return is_small ? (lanes){} : sum;
}
