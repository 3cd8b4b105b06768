// What a forward is told of a model: where its numbers lie, and what is done with them. Filled in by Python.
#pragma once
#include <cstdint>

struct Matrix {
  const void* weights;  // null where there is none
  const float* bias;
  int64_t outputs, inputs;
  int64_t step;        // numbers from one line of weights to the next
  int64_t is_columns;  // a line belongs to an input; else to an output
};

struct Norm {
  const float* weights;  // null where there is none
  const float* bias;     // null for a norm that does not centre
  double epsilon;
};

struct Layer {
  Norm before_attention, behind_attention, before_mlp, behind_mlp, of_queries, of_keys;
  Matrix queries, keys, values, mixed, gate, up, down;
  const float* cosines;  // [positions, rotated]
  const float* sines;
  int64_t rotated, heads, key_heads, head_dim, window, activation;
  double scale, cap;
};

struct Model {
  const void* embedding;
  const float* positions;  // [positions, width], null where there is none
  int64_t width, vocab, is_bfloat16, num_layers;
  int64_t num_ids, num_positions;  // rows of the embedding; positions there are numbers for
  double embedding_scale, logit_cap;
  Norm last;
  Matrix head;
  const Layer* layers;
};

enum Activation : int64_t { SILU = 0, GELU = 1, GELU_TANH = 2, RELU = 3 };
