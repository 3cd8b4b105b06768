"""Tie or bug: right decoders are identical or round, wrong ones are at fault, the rest is not decided."""

from __future__ import annotations

import copy
import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from tiny_models import VOCAB, tiny_pair

from specdec_lib.decoding.autoregressive import AutoregressiveDecoder
from specdec_lib.decoding.speculative import SpeculativeDecoder
from specdec_lib.errors import InvalidArgument
from specdec_lib.lossless.audit.engines import Answer
from specdec_lib.lossless.audit.greedy import sentences
from specdec_lib.lossless.audit.greedy.comparison import compare_greedy
from specdec_lib.lossless.evidence.rounding import judge_parting
from specdec_lib.lossless.laws.table_model import TableModel
from specdec_lib.lossless.mutants.loops import RollsBackOneTooFew
from specdec_lib.models.loader import load_pair
from specdec_lib.models.wrapper import ModelWrapper

pytestmark = pytest.mark.unchecked

NUM_TOKENS, K = 16, 3


class Of:
    """A decoder of ours as an engine; asked for no more than it is, it ends where its model does."""

    def __init__(self, name, decoder):
        self.name, self.decoder = name, decoder

    def answer(self, request):
        ids = self.written(request)
        ended = bool(ids) and ids[-1] in self.decoder.target.eos_token_ids
        return Answer(ids[:-1] if ended else ids, ended=ended)

    def written(self, request):
        prompt = list(request.prompt_ids)
        return tuple(self.decoder.generate(prompt, request.num_tokens, 0.0, seed=0).generated_ids)


class OneUntested(Of):
    """Keeps one draft token a text that was never tested: the draft's second choice, in the middle."""

    def __init__(self, name, decoder, draft):
        super().__init__(name, decoder)
        self.draft = draft

    def answer(self, request):
        first = self.written(replace(request, num_tokens=5))
        text = [*request.prompt_ids, *first]
        row = self.draft.forward(torch.tensor([text]), use_cache=False)[0][0, -1]
        untested = int(row.topk(2).indices[1])
        left = replace(request, prompt_ids=(*text, untested), num_tokens=request.num_tokens - 6)
        return Answer((*first, untested, *self.written(left)))


class Flaky(Of):
    """Another text every second time."""

    times = 0

    def answer(self, request):
        self.times += 1
        ids = self.written(request)
        return Answer(ids if self.times % 2 else (*ids[:3], (ids[3] + 1) % VOCAB))


def shifted(target):
    """The same model whose wide forwards behind a cache stand one position too far to the right."""
    model = copy.deepcopy(target.model)

    def one_too_far(module, arguments, given):
        ids = given["input_ids"] if "input_ids" in given else arguments[0]
        past = given.get("past_key_values")
        length = 0 if past is None else past.get_seq_length()
        if length and ids.shape[1] > 1:
            positions = torch.arange(length, length + ids.shape[1])[None] + 1
            given = given | {"position_ids": positions}
        return arguments, given

    model.register_forward_pre_hook(one_too_far, with_kwargs=True)
    return ModelWrapper(model)


@pytest.fixture(scope="module")
def pair():
    return tiny_pair("llama")


@pytest.fixture(scope="module")
def prompts():
    generator = torch.Generator().manual_seed(6)
    return [torch.randint(VOCAB, (4,), generator=generator).tolist() for _ in range(12)]


@pytest.fixture(scope="module")
def plain(pair):
    return Of("plain", AutoregressiveDecoder(pair[0]))


def compared(ours, theirs, prompts, weights, **more):
    return compare_greedy(ours, theirs, prompts, num_tokens=NUM_TOKENS, weights=weights, k=K, **more)


def test_the_same_decoder_and_a_right_one_are_identical_in_float32(pair, plain, prompts):
    for theirs in (plain, Of("draft", SpeculativeDecoder(*pair, K))):
        found = compared(plain, theirs, prompts, pair[0])
        assert found.verdict == "identical" and found.share == 0.0 and found.repeated is None
        assert found.interval[1] == pytest.approx(0.242, abs=1e-3)
        verdicts = {check.test: check.verdict for check in found.checks()}
        assert verdicts == {"share": "pass", "gaps": "not applicable", "rate": "pass"}


@pytest.mark.parametrize("fault", ["cache off by one", "position off by one", "one token untested"])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_a_fault_is_found_in_either_dtype(fault, dtype, pair, prompts):
    target, draft = (ModelWrapper(copy.deepcopy(model.model).to(dtype)) for model in pair)
    plain = Of("plain", AutoregressiveDecoder(target))
    wrong = {
        "cache off by one": lambda: Of("wrong", RollsBackOneTooFew(target, draft, K)),
        "position off by one": lambda: Of("wrong", SpeculativeDecoder(shifted(target), draft, K)),
        "one token untested": lambda: OneUntested("wrong", AutoregressiveDecoder(target), draft),
    }[fault]()
    found = compared(plain, wrong, prompts, target)
    assert found.verdict == "fault", found.says
    assert found.repeated == 0 and any(one.likelier == "fault" for one in found.partings)
    assert not any(check.rejected for check in found.checks() if check.test == "control")
    assert {check.test for check in found.checks() if check.rejected} >= {"gaps"}


@pytest.fixture(scope="module")
def half():
    """The embedded target in bfloat16, and what it writes behind a few prompts."""
    target = load_pair("pocket").target
    weights = ModelWrapper(copy.deepcopy(target.model).bfloat16(), target.tokenizer)
    prompts = ["User: Find me a cheap restaurant.\nAssistant:", "for i in range(", "The report says that"]
    engine = Of("plain", AutoregressiveDecoder(weights))
    ids = [weights.encode(prompt) for prompt in prompts]
    return weights, prompts, ids, compare_greedy(engine, engine, ids, num_tokens=24, weights=weights)


def test_nearest_ties_in_half_precision_are_rounding(half):
    """The runner-up is taken where it is nearest, in each text: what rounding can do, on any processor."""
    weights, _, prompts, _ = half
    decoder = AutoregressiveDecoder(weights)
    ours, theirs = [], []
    for prompt in prompts:
        ids = decoder.generate(prompt, 24, 0.0, ignore_eos=True).generated_ids
        logits = weights.forward(torch.tensor([[*prompt, *ids]]), use_cache=False)[0][0, len(prompt) - 1 : -1]
        best = logits.float().topk(2)
        place = int((best.values[:, 0] - best.values[:, 1]).argmin())
        ours.append(ids)
        runner_up = next(int(one) for one in best.indices[place] if int(one) != ids[place])
        theirs.append([*ids[:place], runner_up, *ids[place + 1 :]])
    found = compare_greedy(ours, theirs, prompts, num_tokens=24, weights=weights, k=4)
    assert len(found.partings) == 3 and found.verdict == "rounding", found.says
    assert found.likelihood.log_ratio > np.log(10) and found.repeated is None
    for one in found.partings:
        text = [*prompts[one.prompt], *ours[one.prompt][: one.place]]
        parting = judge_parting(weights, text, one.ours, one.theirs, width=5)
        assert one.gap == pytest.approx(parting.gap, abs=0.3)


def test_wide_forwards_in_half_precision_are_no_fault(half):
    weights, texts, _, same = half
    draft = load_pair("pocket").draft
    wide = Of("draft", SpeculativeDecoder(weights, ModelWrapper(draft.model, draft.tokenizer), 4))
    plain = Of("plain", AutoregressiveDecoder(weights))
    found = compare_greedy(plain, wide, texts, num_tokens=24, weights=weights, k=4)
    assert found.verdict != "fault", found.says
    assert same.verdict == "identical" and same.law.largest >= same.law.unit > 0


def test_what_the_noise_of_a_coarser_dtype_explains_is_undecided(half):
    """The runner-up is taken, once where it is near by the noise of bfloat16 alone, once where it is far."""
    coarse, _, prompts, _ = half
    target = load_pair("pocket").target
    decoder = AutoregressiveDecoder(target)

    def found(choose, **more):
        ours, theirs = [], []
        for prompt in prompts:
            ids = decoder.generate(prompt, 24, 0.0, ignore_eos=True).generated_ids
            row = target.forward(torch.tensor([[*prompt, *ids]]), use_cache=False)[0][0, len(prompt) - 1 : -1]
            best = row.topk(2)
            place = int(choose(best.values[:, 0] - best.values[:, 1]))
            ours.append(ids)
            theirs.append([*ids[:place], int(best.indices[place, 1]), *ids[place + 1 :]])
        return compare_greedy(ours, theirs, prompts, num_tokens=24, weights=target, k=4, **more)

    assert found(torch.argmin).verdict == "fault"
    excused = found(torch.argmin, coarser=lambda: coarse)
    assert excused.verdict == "undecided" and excused.is_excused and excused.coarser[0] == "bfloat16"
    assert "bfloat16" in excused.says and "--dtype" in excused.says
    assert not any(check.rejected for check in excused.checks())
    assert excused.to_dict()["coarser"] == "bfloat16"
    far = found(torch.argmax, coarser=lambda: coarse)
    assert far.verdict == "fault" and not far.is_excused


def test_a_coarser_dtype_is_not_asked_for_where_nothing_is_a_fault(pair, plain, prompts):
    def never():
        raise AssertionError("loaded")

    assert compared(plain, plain, prompts, pair[0], coarser=never).verdict == "identical"


# -- what is no evidence --------------------------------------------------------------------------


def test_without_weights_only_the_share_is_said(prompts):
    texts = [[1, 2, 3]] * len(prompts)
    found = compare_greedy(texts, [[1, 2, 3]] * 11 + [[1, 5, 3]], prompts)
    assert found.verdict == "undecided" and found.says == sentences.NO_WEIGHTS.format(
        sentences.PART.format("A", "B", 1, 12)
    )
    assert found.partings[0].prompt == 11 and found.partings[0].gap is None
    assert {check.verdict for check in found.checks()} == {"not applicable"}
    assert compare_greedy(texts, texts, prompts).verdict == "identical"


def test_an_engine_that_tells_its_law_gives_margins_and_no_verdict(prompts):
    class Lawful:
        name = "lawful"

        def answer(self, request):
            return Answer((1, 2))

        def next_law(self, request, continuation):
            assert request.temperature == 1.0 and continuation == (1,)
            return {2: 0.5, 3: 0.3, None: 0.2}

    found = compare_greedy(Lawful(), [[1, 3]], prompts[:1], num_tokens=2)
    (parting,) = found.partings
    assert parting.gap == parting.top == pytest.approx(np.log(0.5 / 0.3)) and found.verdict == "undecided"
    ended = compare_greedy(Lawful(), [[1]], prompts[:1], num_tokens=2).partings[0]
    assert ended.theirs is None and ended.gap == pytest.approx(np.log(0.5 / 0.2))


def test_an_engine_that_differs_from_itself_decides_nothing(pair, plain, prompts):
    flaky = Flaky("flaky", AutoregressiveDecoder(pair[0]))
    found = compared(flaky, plain, prompts[:7], pair[0])
    assert found.repeated == 7 and found.verdict == "undecided"
    assert {check.test: check.passed for check in found.checks()}["control"] is None
    fresh = Flaky("flaky", AutoregressiveDecoder(pair[0]))
    again = compared(fresh, plain, prompts[:7], pair[0], control=False)
    assert again.repeated is None and again.verdict == "fault"


def test_other_weights_cannot_judge(pair, plain, prompts):
    other = tiny_pair("llama", seed=9)[0]
    wrong = OneUntested("wrong", AutoregressiveDecoder(pair[0]), pair[1])
    found = compared(plain, wrong, prompts, other)
    assert found.verdict == "undecided" and found.strange > 6
    parted = sentences.PART.format("plain", "wrong", len(found.partings), 12)
    assert found.says == sentences.OTHER_WEIGHTS.format(parted, found.strange)


# -- ends, ties, refusals -------------------------------------------------------------------------


@pytest.fixture(scope="module")
def table():
    rows = np.random.default_rng(1).dirichlet(np.ones(5), size=(5, 5))
    rows[..., 4] /= 9
    return TableModel(rows / rows.sum(-1, keepdims=True), eos_token_ids=(4,))


def test_an_end_is_judged_by_the_logit_of_its_id(table):
    prompts = [[1, 2], [2, 3], [0, 1], [3, 3]]
    decoder = AutoregressiveDecoder(table)
    texts = [decoder.generate(prompt, 6, 0.0).generated_ids for prompt in prompts]
    same = compare_greedy(texts, [Answer(tuple(ids)) for ids in texts], prompts, num_tokens=6, weights=table)
    assert same.verdict == "identical"
    cut = [ids[:2] for ids in texts]
    found = compare_greedy(texts, cut, prompts, num_tokens=6, weights=table)
    long = [ids for ids in texts if 4 not in ids[:3]]
    assert len(found.partings) == len(long) > 1 and all(one.theirs is None for one in found.partings)
    assert found.verdict == "fault"
    endless = compare_greedy(texts, cut, prompts, num_tokens=6, weights=TableModel(table.rows))
    assert endless.verdict == "fault" and json.dumps(endless.to_dict(), allow_nan=False)


def test_ties_of_equal_logits_are_rounding_however_many():
    """Two tokens that are always alike: whichever is taken, nothing is wrong."""
    rows = np.random.default_rng(0).dirichlet(np.ones(4), size=(4, 4))
    rows[..., 1] = rows[..., 2] = rows[..., 1:3].max(-1) + 1
    weights = TableModel(rows / rows.sum(-1, keepdims=True))
    prompts = [[a, b] for a in range(4) for b in range(4)]
    lowest, highest = [[1, 1, 1]] * 16, [[1, 2, 1]] * 8 + [[1, 1, 2]] * 8
    found = compare_greedy(lowest, highest, prompts, weights=weights)
    assert len(found.partings) == 16 and all(one.behind == 0.0 for one in found.partings)
    assert found.verdict != "fault" and found.strange == 0 and found.likelihood.p_of_rate == 1.0


def test_a_comparison_is_told_as_json(pair, plain, prompts):
    wrong = OneUntested("wrong", AutoregressiveDecoder(pair[0]), pair[1])
    found = compared(plain, wrong, prompts, pair[0])
    told = json.loads(json.dumps(found.to_dict(), allow_nan=False))
    assert told["verdict"] == "fault" and told["says"] == found.says and told["names"] == ["plain", "wrong"]
    assert told["num_parted"] == len(told["partings"]) > 3 and told["interval"] == list(found.interval)
    assert told["evidence"]["expected"] == found.likelihood.expected
    first = min(told["partings"], key=lambda one: one["ratio"])
    assert first["place"] == 5 and first["likelier"] == "fault" and first["ratio"] < 0.1
    assert [check["test"] for check in told["checks"]] == ["share", "gaps", "rate", "control"]


@pytest.mark.parametrize(
    ("more", "says"),
    [
        ({"k": 0}, "k is 0"),
        ({"slack": 0.5}, "slack is 0.5"),
        ({"level": 0.0}, "level is 0.0"),
        ({"prompts": []}, "no prompts"),
        ({"prompts": [[]]}, "no prompts"),
        ({"prompts": ["text"], "weights": "bare"}, "no prompts"),
    ],
)
def test_what_cannot_be_compared_is_refused(more, says, table):
    if "weights" in more:
        bare = TableModel(table.rows)
        bare.encode = None
        more = more | {"weights": bare}
    with pytest.raises(InvalidArgument, match=says):
        compare_greedy([[1]], [[1]], **({"prompts": [[1, 2]]} | more))


def test_texts_without_a_token_are_no_agreement():
    with pytest.raises(InvalidArgument, match="A and B have not written a token"):
        compare_greedy([[], []], [[], []], [[1], [2]], names=("A", "B"))


def test_texts_as_prompts_are_encoded_by_the_weights(table):
    found = compare_greedy([[1, 2]], [[1, 3]], ["bc"], weights=table)
    assert found.likelihood is not None and found.partings[0].gap is not None


def test_a_text_alone_is_made_ids_without_what_a_tokenizer_puts_in_front(half):
    """An engine that tells no ids: its text goes on."""
    weights, _, prompts, _ = half
    text = " a cheap restaurant."
    ids = weights.tokenizer(text, add_special_tokens=False)["input_ids"]
    found = compare_greedy([Answer(None, text)], [ids], prompts[:1], num_tokens=3, weights=weights)
    assert found.verdict == "identical"
