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

static inline float number(const float* from) { return *from; }

static inline float number(const bfloat16* from) {
  uint32_t wide = (uint32_t)*from << 16;
  float found;
  memcpy(&found, &wide, sizeof found);
  return found;
}

static inline void store(float* to, lanes numbers) { *(lanes_anywhere*)to = numbers; }

// Rounds to the nearest, ties to even, as torch does; NaN stays NaN.
static inline bfloat16 rounded(float number) {
  uint32_t wide;
  memcpy(&wide, &number, sizeof wide);
  if (number != number) return 0x7FC0;
  return (bfloat16)((wide + 0x7FFF + ((wide >> 16) & 1)) >> 16);
}

static inline void put(float* to, float number) { *to = number; }
static inline void put(bfloat16* to, float number) { *to = rounded(number); }

// The sum over lanes, halved again and again: the same order whatever it is a sum of.
static inline float total(lanes numbers) {
#if defined(__AVX512F__)
  typedef float eight __attribute__((vector_size(32)));
  eight low, high;
  memcpy(&low, &numbers, 32);
  memcpy(&high, (const char*)&numbers + 32, 32);
  low += high;
#elif defined(__AVX__)
  typedef float eight __attribute__((vector_size(32)));
  eight low = numbers;
#endif
  typedef float four __attribute__((vector_size(16)));
  four rest;
#if defined(__AVX__)
  four upper;
  memcpy(&rest, &low, 16);
  memcpy(&upper, (const char*)&low + 16, 16);
  rest += upper;
#else
  rest = numbers;
#endif
  return (rest[0] + rest[2]) + (rest[1] + rest[3]);
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
