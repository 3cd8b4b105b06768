"""What a native forward is told of a model: the structures of ``source/model.h``, field by field."""

from __future__ import annotations

from ctypes import POINTER, Structure, c_double, c_int64, c_void_p


class Matrix(Structure):
    """Weights as they lie; ``is_columns`` where a line of them belongs to an input."""

    _fields_ = [
        ("weights", c_void_p),
        ("bias", c_void_p),
        *((name, c_int64) for name in ("outputs", "inputs", "step", "is_columns")),
    ]


class Norm(Structure):
    """A norm; without a bias it does not centre, without weights there is none."""

    _fields_ = [("weights", c_void_p), ("bias", c_void_p), ("epsilon", c_double)]


class Layer(Structure):
    """One layer of a decoder."""

    _fields_ = [
        *((name, Norm) for name in ("before_attention", "behind_attention", "before_mlp", "behind_mlp")),
        *((name, Norm) for name in ("of_queries", "of_keys")),
        *((name, Matrix) for name in ("queries", "keys", "values", "mixed", "gate", "up", "down")),
        *((name, c_void_p) for name in ("cosines", "sines")),
        *((name, c_int64) for name in ("rotated", "heads", "key_heads", "head_dim", "window", "activation")),
        *((name, c_double) for name in ("scale", "cap")),
    ]


class Description(Structure):
    """A whole decoder."""

    _fields_ = [
        *((name, c_void_p) for name in ("embedding", "positions")),
        *((name, c_int64) for name in ("width", "vocab", "is_bfloat16", "num_layers")),
        *((name, c_int64) for name in ("num_ids", "num_positions")),
        *((name, c_double) for name in ("embedding_scale", "logit_cap")),
        ("last", Norm),
        ("head", Matrix),
        ("layers", POINTER(Layer)),
    ]
