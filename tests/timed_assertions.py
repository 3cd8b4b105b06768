"""Assertions that hang on a clock: they hold on the author's machine and fail on a busy one.

:func:`timed_assertions` follows values through a module, or through a chapter's cells one after the other:
a clock's reading, and the fields of a measured run that are times, stay times through arithmetic, containers,
comprehensions and the module's own functions. An ``assert`` that orders such a value (``<``, ``>``), or
compares it within a tolerance of its own, is reported. Comparing with 0 is allowed (a time was taken),
and so are counts (``len``) and equalities (one number computed twice).

It refuses to know other modules: what measures is listed by name. Recorded files are data, not measurements.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator, Mapping
from enum import IntEnum

CLOCKS = {
    "perf_counter", "perf_counter_ns", "process_time", "monotonic", "time", "thread_time",
    "cuda_sync_time", "getrusage", "default_timer",
}  # fmt: skip
"""Functions that read a clock."""

RUNS = {
    "generate", "generate_text", "measure_costs", "measure_rates", "measure_shapes", "run_benchmark",
    "run_cell", "run_pair", "run_peers", "load_results", "load_runs", "CUDATimer", "CUDATimerCollection",
    "measure_forwards", "profile", "measure", "warm_up",
}  # fmt: skip
"""What takes times, and returns them among other things."""

TIMES = re.compile(
    r"(.*_)?(seconds|ms|us|time|times|elapsed|latency|latencies|tokens_per_second|speedup|speedups|measured|ratio"
    r"|overhead|ttft|tpot|forwards|bytes_per_second)(_.*)?|latency_p\d+|time_to_first_token|c|v|o|low|high"
)
"""Names of the fields of a run that are times, or quotients of times."""

COUNTS = re.compile(
    r"num_\w+|generated_ids|token_ids|draft_ids|\w+_per_round|tokens_per_(step|round)|alpha_hat|finish_reason"
    r"|first_difference|acceptance_histogram|kind|config"
)
"""Names of those that are not."""

COUNTING = {"len", "isinstance", "type", "set", "list_pairs", "hasattr", "id", "repr", "str"}
ORDERED = (ast.Lt, ast.LtE, ast.Gt, ast.GtE)
TOLERANT = {"isclose", "allclose", "approx"}
DEPTH = 4


class Kind(IntEnum):
    """What a value hangs on."""

    PLAIN = 0
    RUN = 1
    TIME = 2
    VERDICT = 3


Names = dict[str, Kind]


def timed_assertions(source: str) -> list[int]:
    """Line numbers of the assertions in ``source`` that hang on a clock."""
    tree = ast.parse(source)
    reader = _Reader({node.name: node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)})
    names: Names = {}
    reader.run(tree.body, names)
    for function in reader.functions.values():
        fixtures = {a.arg: reader.returned(a.arg, names) for a in function.args.args}
        reader.call(function, fixtures, names, DEPTH)
    return sorted(reader.found)


class _Reader:
    """Runs a module's statements on kinds in the place of values."""

    def __init__(self, functions: Mapping[str, ast.FunctionDef]) -> None:
        self.functions = functions
        self.found: set[int] = set()
        self.depth = 0

    def returned(self, name: str, names: Names) -> Kind:
        """What a fixture of this name gives."""
        function = self.functions.get(name)
        return self.call(function, {}, names, DEPTH) if function else Kind.PLAIN

    def call(self, function: ast.FunctionDef, arguments: Names, names: Names, limit: int) -> Kind:
        if self.depth >= limit:
            return Kind.PLAIN
        self.depth += 1
        inner = {**names, **dict.fromkeys((a.arg for a in function.args.args), Kind.PLAIN), **arguments}
        given = self.run(function.body, inner)
        self.depth -= 1
        return given

    def run(self, statements: Iterable[ast.stmt], names: Names) -> Kind:
        """The kind of what is returned or yielded."""
        return max((self.statement(one, names) for one in statements), default=Kind.PLAIN)

    def statement(self, node: ast.stmt, names: Names) -> Kind:
        match node:
            case ast.FunctionDef() | ast.Import() | ast.ImportFrom():
                return Kind.PLAIN
            case ast.ClassDef():
                return self.run(node.body, dict(names))
            case ast.Assert():
                if self.kind(node.test, names) is Kind.VERDICT:
                    self.found.add(node.lineno)
                return Kind.PLAIN
            case ast.Return():
                return self.kind(node.value, names)
            case ast.Assign(targets=targets, value=value):
                for target in targets:
                    self.bind(target, self.kind(value, names), names, value)
            case ast.AugAssign(target=target, value=value):
                kind = max(self.kind(value, names), self.kind(target, names))
                self.bind(target, kind, names)
            case ast.AnnAssign(target=target, value=value):
                self.bind(target, self.kind(value, names), names)
            case ast.For():
                return max(self.twice(node, names))
            case ast.While() | ast.If():
                self.kind(node.test, names)
                return self.run([*node.body, *node.orelse], names)
            case ast.With():
                for item in node.items:
                    if item.optional_vars is not None:
                        self.bind(item.optional_vars, self.kind(item.context_expr, names), names)
                return self.run(node.body, names)
            case ast.Try():
                handled = [line for handler in node.handlers for line in handler.body]
                return self.run([*node.body, *handled, *node.orelse, *node.finalbody], names)
            case ast.Expr(value=ast.Yield(value=value)):
                return self.kind(value, names)
            case ast.Expr(value=value):
                self.kept(value, names)
        return Kind.PLAIN

    def twice(self, node: ast.For, names: Names) -> Iterator[Kind]:
        """A loop's body, and once more where the first turn left times behind."""
        for _ in range(2):
            before = dict(names)
            self.loop(node.target, node.iter, names)
            yield self.run([*node.body, *node.orelse], names)
            if all(names[name] <= kind for name, kind in before.items()):
                return

    def kept(self, value: ast.expr, names: Names) -> None:
        """``times.append(x)`` and its like leave their argument in ``times``."""
        kind = self.kind(value, names)
        if isinstance(value, ast.Call) and isinstance(value.func, ast.Attribute):
            held = value.func.value
            if value.func.attr in {"append", "extend", "update", "add", "setdefault"}:
                self.bind(held, max(kind, self.kind(held, names)), names)

    def loop(self, target: ast.expr, source: ast.expr, names: Names) -> None:
        """Each of ``enumerate`` and ``zip`` gives its own kind."""
        if isinstance(source, ast.Call) and isinstance(target, ast.Tuple):
            called = _last(source.func)
            if called == "zip" and len(source.args) == len(target.elts):
                for one, value in zip(target.elts, source.args, strict=True):
                    self.bind(one, self.kind(value, names), names)
                return
            if called == "enumerate":
                self.bind(target.elts[0], Kind.PLAIN, names)
                self.loop(target.elts[1], source.args[0], names)
                return
        if isinstance(source, ast.Call) and _last(source.func) == "items" and isinstance(target, ast.Tuple):
            self.bind(target.elts[0], Kind.PLAIN, names)
            self.bind(target.elts[1], self.kind(source, names), names)
            return
        self.bind(target, self.kind(source, names), names)

    def bind(self, target: ast.expr, kind: Kind, names: Names, value: ast.expr | None = None) -> None:
        match target:
            case ast.Name(id=name):
                names[name] = kind
            case ast.Tuple(elts=parts) | ast.List(elts=parts):
                each = value.elts if isinstance(value, (ast.Tuple, ast.List)) else []
                paired = len(each) == len(parts)
                for n, part in enumerate(parts):
                    self.bind(part, self.kind(each[n], names) if paired else kind, names)
            case ast.Starred(value=part):
                self.bind(part, kind, names)
            case ast.Subscript(value=held) | ast.Attribute(value=held):
                self.bind(held, max(kind, self.kind(held, names)), names)

    # -- expressions ---------------------------------------------------------------------------------

    def kind(self, node: ast.expr | None, names: Names) -> Kind:
        match node:
            case None | ast.Constant():
                return Kind.PLAIN
            case ast.Name(id=name):
                return names.get(name, Kind.PLAIN)
            case ast.Attribute(value=value, attr=name):
                return self.field(self.kind(value, names), name)
            case ast.Subscript(value=value, slice=ast.Constant(value=str(name))):
                return self.field(self.kind(value, names), name)
            case ast.Compare():
                return self.compared(node, names)
            case ast.Call():
                return self.called(node, names)
            case ast.IfExp(body=body, orelse=orelse):
                return max(self.kind(body, names), self.kind(orelse, names))
            case ast.Lambda(body=body):
                return self.kind(body, dict(names))
            case ast.GeneratorExp() | ast.ListComp() | ast.SetComp() | ast.DictComp():
                inner = dict(names)
                for part in node.generators:
                    self.loop(part.target, part.iter, inner)
                parts = [node.key, node.value] if isinstance(node, ast.DictComp) else [node.elt]
                return max(self.kind(part, inner) for part in parts)
            case ast.NamedExpr(target=target, value=value):
                self.bind(target, self.kind(value, names), names)
                return self.kind(value, names)
        children = (child for child in ast.iter_child_nodes(node) if isinstance(child, ast.expr))
        return max((self.kind(child, names) for child in children), default=Kind.PLAIN)

    @staticmethod
    def field(kind: Kind, name: str) -> Kind:
        """Of a run, what is named like a time is one, and what is counted is plain."""
        if kind is Kind.RUN and COUNTS.fullmatch(name):
            return Kind.PLAIN
        return Kind.TIME if kind is Kind.RUN and TIMES.fullmatch(name) else kind

    def compared(self, node: ast.Compare, names: Names) -> Kind:
        sides = [node.left, *node.comparators]
        kinds = [self.kind(side, names) for side in sides]
        if Kind.VERDICT in kinds:
            return Kind.VERDICT
        for n, operator in enumerate(node.ops):
            pair = sides[n : n + 2]
            is_time = max(kinds[n : n + 2]) is Kind.TIME
            if is_time and isinstance(operator, ORDERED) and not _is_harmless(*pair):
                return Kind.VERDICT
        return Kind.PLAIN

    def called(self, node: ast.Call, names: Names) -> Kind:
        name = _last(node.func)
        keywords = {word.arg: word.value for word in node.keywords}
        values = [self.kind(value, names) for value in [*node.args, *keywords.values()]]
        most = max(values, default=Kind.PLAIN)
        if name in CLOCKS and not (isinstance(node.func, ast.Name) and name == "time"):
            return Kind.TIME
        if name in COUNTING:
            return Kind.PLAIN
        if name in RUNS:
            return Kind.RUN
        if name in TOLERANT:
            is_loose = name != "approx" or {"rel", "abs"} & keywords.keys()
            return Kind.VERDICT if most is Kind.TIME and is_loose else most
        if name in self.functions:
            function = self.functions[name]
            given = dict(zip((a.arg for a in function.args.args), values, strict=False))
            given |= {word: self.kind(value, names) for word, value in keywords.items() if word}
            return self.call(function, given, names, DEPTH)
        if isinstance(node.func, ast.Attribute):
            most = max(most, self.field(self.kind(node.func.value, names), name))
        return max(most, names.get(name, Kind.PLAIN))


def _last(node: ast.expr) -> str:
    return node.attr if isinstance(node, ast.Attribute) else getattr(node, "id", "")


def _is_harmless(left: ast.expr, right: ast.expr) -> bool:
    """Against 0, a time was taken at all; ``abs(a - b) < 1e-9`` is one number computed twice."""
    if any(_number(side) == 0 for side in (left, right)):
        return True
    is_distance = isinstance(left, ast.Call) and _last(left.func) in {"abs", "max"}
    return is_distance and 0 < _number(right) <= 1e-6


def _number(node: ast.expr) -> float:
    is_number = isinstance(node, ast.Constant) and type(node.value) in (int, float)
    return float(node.value) if is_number else -1.0
