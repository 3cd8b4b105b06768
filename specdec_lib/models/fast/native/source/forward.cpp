// A forward of a few tokens through a whole decoder, without anything between its layers.
//
// Threads share the outputs of every product, and wait for each other only where all of them are needed.
#ifdef _OPENMP
#include <omp.h>
#endif
#include <algorithm>
#include <vector>

#include "attention.h"
#include "drawing.h"
#include "model.h"
#include "products.h"

namespace {

struct Share {
  int64_t from, to;
};

struct Team {
  int thread, threads;

  void wait() const {
#ifdef _OPENMP
    if (threads > 1) {
#pragma omp barrier
    }
#endif
  }

  // A thread's part of so many things, in pieces of `piece`.
  Share share(int64_t number, int64_t piece = 16) const {
    int64_t pieces = (number + piece - 1) / piece;
    return {std::min(number, pieces * thread / threads * piece),
            std::min(number, pieces * (thread + 1) / threads * piece)};
  }
};

// What a forward computes on the way: a row a token, shared by all threads.
struct Rows {
  std::vector<float> stream, queries, keys, values, mixed, hidden, added;
};

template <class Weight>
void product(const Matrix& matrix, int n, const float* rows, int64_t apart, float* sums, int64_t sums_apart,
             Share share) {
  auto multiplied = matrix.is_columns ? multiply_columns<Weight> : multiply<Weight>;
  multiplied(n, rows, apart, (const Weight*)matrix.weights, matrix.step, matrix.inputs, share.from, share.to, sums,
             sums_apart);
  if (matrix.bias)
    for (int r = 0; r < n; ++r)
      for (int64_t i = share.from; i < share.to; ++i) sums[r * sums_apart + i] += matrix.bias[i];
}

void normed(const Norm& norm, const float* row, int64_t width, float* into) {
  if (!norm.weights) {
    if (into != row) std::copy(row, row + width, into);
    return;
  }
  lanes sum = {}, squares = {};
  float mean = 0, rest = 0;
  int64_t i = 0;
  if (norm.bias) {
    for (; i + LANES <= width; i += LANES) sum += load(row + i);
    for (; i < width; ++i) rest += row[i];
    mean = (total(sum) + rest) / width;
  }
  rest = 0;
  for (i = 0; i + LANES <= width; i += LANES) {
    lanes apart = load(row + i) - mean;
    squares += apart * apart;
  }
  for (; i < width; ++i) rest += (row[i] - mean) * (row[i] - mean);
  float scale = 1.0f / std::sqrt((total(squares) + rest) / width + (float)norm.epsilon);
  for (i = 0; i < width; ++i) {
    float number = (row[i] - mean) * scale * norm.weights[i];
    into[i] = norm.bias ? number + norm.bias[i] : number;
  }
}

void all_normed(const Norm& norm, int n, const float* rows, int64_t width, float* into) {
  for (int r = 0; r < n; ++r) normed(norm, rows + r * width, width, into + r * width);
}

void activate(int64_t kind, float* numbers, int64_t count) {
  int64_t i = 0;
  if (kind == SILU || kind == GELU_TANH)
    for (; i + LANES <= count; i += LANES) {
      lanes x = load(numbers + i), steep = x;
      if (kind == GELU_TANH) steep = 1.5957691216057308f * (x + 0.044715f * x * x * x);
      store(numbers + i, x / (1.0f + power_of_e(-steep)));
    }
  for (; i < count; ++i) {
    float x = numbers[i];
    if (kind == SILU) numbers[i] = x / (1.0f + std::exp(-x));
    if (kind == GELU_TANH)
      numbers[i] = x / (1.0f + std::exp(-1.5957691216057308f * (x + 0.044715f * x * x * x)));
    if (kind == GELU) numbers[i] = 0.5f * x * (1.0f + std::erf(x * 0.70710678118654752f));
    if (kind == RELU) numbers[i] = x > 0 ? x : 0;
  }
}

// Adds to the stream what a part of a layer gave, through a norm of its own where there is one.
void add(const Norm& norm, int n, int64_t width, Rows& all, std::vector<float>& own, Share share, const Team& team) {
  if (norm.weights) {
    team.wait();
    all_normed(norm, n, all.added.data(), width, own.data());
  }
  const float* added = norm.weights ? own.data() : all.added.data();
  for (int r = 0; r < n; ++r)
    for (int64_t i = share.from; i < share.to; ++i) all.stream[r * width + i] += added[r * width + i];
  team.wait();
}

template <class Weight>
void attend(const Layer& layer, int n, int64_t start, Weight* keys, Weight* values, int64_t capacity, Rows& all,
            std::vector<float>& scores, const Team& team) {
  const int64_t dim = layer.head_dim, group = layer.heads / layer.key_heads;
  const int64_t wide = layer.heads * dim, narrow = layer.key_heads * dim;
  Share heads = team.share(layer.key_heads, 1);
  for (int64_t head = heads.from; head < heads.to; ++head) {
    Weight* own_keys = keys + head * capacity * dim;
    Weight* own_values = values + head * capacity * dim;
    for (int r = 0; r < n; ++r) {
      float* key = all.keys.data() + r * narrow + head * dim;
      const float* value = all.values.data() + r * narrow + head * dim;
      normed(layer.of_keys, key, dim, key);
      turn(layer, start + r, key);
      for (int64_t i = 0; i < dim; ++i) {
        put(own_keys + (start + r) * dim + i, key[i]);
        put(own_values + (start + r) * dim + i, value[i]);
      }
      for (int64_t g = 0; g < group; ++g) {
        float* query = all.queries.data() + r * wide + (head * group + g) * dim;
        normed(layer.of_queries, query, dim, query);
        turn(layer, start + r, query);
      }
    }
    for (int64_t g = 0; g < group; ++g) {
      int64_t place = (head * group + g) * dim;
      look(layer, n, start, all.queries.data() + place, wide, own_keys, own_values, scores,
           all.mixed.data() + place);
    }
  }
}

template <class Weight>
void through(const Layer& layer, const Model& model, int n, int64_t start, Weight* keys, Weight* values,
             int64_t capacity, Rows& all, std::vector<float>& own, std::vector<float>& scores, const Team& team) {
  const int64_t width = model.width, wide = layer.heads * layer.head_dim, narrow = layer.key_heads * layer.head_dim;
  all_normed(layer.before_attention, n, all.stream.data(), width, own.data());
  product<Weight>(layer.queries, n, own.data(), width, all.queries.data(), wide, team.share(wide));
  product<Weight>(layer.keys, n, own.data(), width, all.keys.data(), narrow, team.share(narrow));
  product<Weight>(layer.values, n, own.data(), width, all.values.data(), narrow, team.share(narrow));
  team.wait();
  attend(layer, n, start, keys, values, capacity, all, scores, team);
  team.wait();
  Share share = team.share(width);
  product<Weight>(layer.mixed, n, all.mixed.data(), wide, all.added.data(), width, share);
  add(layer.behind_attention, n, width, all, own, share, team);

  const int64_t inner = layer.up.outputs;
  Share part = team.share(inner);
  all_normed(layer.before_mlp, n, all.stream.data(), width, own.data());
  float* hidden = all.hidden.data();
  float* gated = hidden + n * inner;
  product<Weight>(layer.up, n, own.data(), width, hidden, inner, part);
  if (layer.gate.weights) product<Weight>(layer.gate, n, own.data(), width, gated, inner, part);
  for (int r = 0; r < n; ++r) {
    float* up = hidden + r * inner;
    float* gate = layer.gate.weights ? gated + r * inner : up;
    activate(layer.activation, gate + part.from, part.to - part.from);
    if (gate != up)
      for (int64_t i = part.from; i < part.to; ++i) up[i] *= gate[i];
  }
  team.wait();
  product<Weight>(layer.down, n, hidden, inner, all.added.data(), width, share);
  add(layer.behind_mlp, n, width, all, own, share, team);
}

template <class Weight>
void begin(const Model& model, const int64_t* ids, int n, int64_t start, Rows& all) {
  int64_t wide = 0, narrow = 0, inner = 0, width = model.width;
  for (int64_t l = 0; l < model.num_layers; ++l) {
    const Layer& layer = model.layers[l];
    wide = std::max(wide, layer.heads * layer.head_dim);
    narrow = std::max(narrow, layer.key_heads * layer.head_dim);
    inner = std::max(inner, layer.up.outputs);
  }
  all.stream.resize(n * width);
  all.added.resize(n * width);
  all.queries.resize(n * wide);
  all.mixed.resize(n * wide);
  all.keys.resize(n * narrow);
  all.values.resize(n * narrow);
  all.hidden.resize(2 * n * inner);
  for (int r = 0; r < n; ++r)
    for (int64_t i = 0; i < width; ++i) {
      float found = number((const Weight*)model.embedding + ids[r] * width + i) * (float)model.embedding_scale;
      if (model.positions) found += model.positions[(start + r) * width + i];
      all.stream[r * width + i] = found;
    }
}

template <class Weight>
void run(const Model& model, const int64_t* ids, int n, int64_t start, void* const* keys, void* const* values,
         int64_t capacity, int first, float* logits, int threads) {
  static thread_local Rows all;
  begin<Weight>(model, ids, n, start, all);
  Rows& rows = all;
  const int kept = n - first;
#ifdef _OPENMP
#pragma omp parallel num_threads(threads) if (threads > 1)
#endif
  {
    static thread_local std::vector<float> own, scores;
    Team team{0, 1};
#ifdef _OPENMP
    team = {omp_get_thread_num(), omp_get_num_threads()};
#endif
    own.resize(n * model.width);
    for (int64_t l = 0; l < model.num_layers; ++l)
      through(model.layers[l], model, n, start, (Weight*)keys[l], (Weight*)values[l], capacity, rows, own, scores,
              team);
    all_normed(model.last, kept, rows.stream.data() + first * model.width, model.width, own.data());
    Share share = team.share(model.head.outputs);
    product<Weight>(model.head, kept, own.data(), model.width, logits, model.vocab, share);
    if (model.logit_cap > 0)
      for (int r = 0; r < kept; ++r)
        for (int64_t i = share.from; i < share.to; ++i) {
          float& logit = logits[r * model.vocab + i];
          logit = (float)model.logit_cap * std::tanh(logit / (float)model.logit_cap);
        }
  }
}

int misplaced(const Model& model, const int64_t* ids, int n, int64_t start, int64_t end, int64_t capacity) {
  for (int r = 0; r < n; ++r)
    if (ids[r] < 0 || ids[r] >= model.num_ids) return 1;
  return start < 0 || end > capacity || end > model.num_positions ? 2 : 0;
}

}  // namespace

// Logits [n - first, vocab] of `n` tokens behind `start` ones, whose keys and values the buffers
// [heads, capacity, head_dim] of each layer hold and receive. What is returned: 0; 1 for an id that has no row,
// 2 for positions that there is no room for, 3 where a row of logits holds what is no number.
extern "C" int specdec_forward(const Model* model, const int64_t* ids, int n, int64_t start, void* const* keys,
                               void* const* values, int64_t capacity, int first, float* logits, int threads) {
  if (int wrong = misplaced(*model, ids, n, start, start + n, capacity)) return wrong;
  if (model->is_bfloat16)
    run<bfloat16>(*model, ids, n, start, keys, values, capacity, first, logits, threads);
  else
    run<float>(*model, ids, n, start, keys, values, capacity, first, logits, threads);
  for (int r = 0; r < n - first; ++r)
    if (!is_sound(logits + r * model->vocab, model->vocab)) return 3;
  return 0;
}

// The verdict on a draft, as `judge` gives it; 1 for a draft id that is none.
extern "C" int specdec_judge(const float* logits, int64_t vocab, double temperature, const int64_t* drafted,
                             const float* laws, int64_t k, const float* uniforms, double chance,
                             int64_t* verdict) {
  static thread_local std::vector<float> row;
  for (int64_t i = 0; i < k; ++i)
    if (drafted[i] < 0 || drafted[i] >= vocab) return 1;
  row.resize(vocab);
  judge(logits, vocab, (float)temperature, drafted, laws, k, uniforms, chance, row.data(), verdict);
  return 0;
}

// Draws `k` tokens one after the other, each by its own number of `chances`, and feeds all but the last of them.
// `rows` [k, vocab] receives the laws that they are drawn from; at temperature 0 the logits whose largest they are.
extern "C" int specdec_draft(const Model* model, const int64_t* ids, int n, int64_t start, void* const* keys,
                             void* const* values, int64_t capacity, int k, double temperature,
                             const double* chances, int64_t* drawn, float* rows, int threads) {
  if (int wrong = misplaced(*model, ids, n, start, start + n + k - 1, capacity)) return wrong;
  for (int i = 0; i < k; ++i) {
    float* row = rows + i * model->vocab;
    if (specdec_forward(model, ids, n, start, keys, values, capacity, n - 1, row, threads) == 3)
      made_sound(row, model->vocab);
    if (temperature > 0) {
      made_law(row, model->vocab, (float)temperature);
      drawn[i] = inverted(row, model->vocab, chances[i]);
    } else {
      drawn[i] = std::max_element(row, row + model->vocab) - row;
    }
    if (drawn[i] >= model->num_ids) return 1;
    ids = drawn + i;
    start += n;
    n = 1;
  }
  return 0;
}

// What the structures take here, so that whoever fills them in can see that both mean the same.
extern "C" int64_t specdec_sizes(int which) { return which == 0 ? sizeof(Model) : sizeof(Layer); }
