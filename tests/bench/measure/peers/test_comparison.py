"""The comparison on random tiny models: every arm does the same work, starts cold, and may fail alone."""

from __future__ import annotations

import copy
from pathlib import Path

import pytest
import tiny_models
import torch

from specdec_lib.bench.measure import session as session_module
from specdec_lib.bench.measure.arm import Arm, Facts
from specdec_lib.bench.measure.grid import Grid
from specdec_lib.bench.measure.peers import hugging_face
from specdec_lib.bench.measure.peers.arms import make_arms
from specdec_lib.bench.measure.peers.comparison import PeerComparison, peer_prompts
from specdec_lib.bench.measure.peers.hugging_face import HuggingFace, constant_drafting, drafting_of, twin
from specdec_lib.bench.measure.prompts import TokenisedPrompt
from specdec_lib.bench.records.identity import OutputsDiffer, require_same_ids
from specdec_lib.bench.records.kinds import Record
from specdec_lib.bench.records.reading import read_records
from specdec_lib.bench.records.schema import HUGGING_FACE, OURS
from specdec_lib.bench.tables.peers import peer_table, ratio_table
from specdec_lib.data.prompts import Prompt, PromptDataset
from specdec_lib.errors import RecordError, UnsoundLogits
from specdec_lib.models.wrapper import ModelWrapper
from specdec_lib.profiling.metrics import GenerationResult

GRID = Grid(k_values=(2,), domains=("code", "conversation"), max_new_tokens=7, num_prompts=1, repeats=2)
SMALL = Grid(k_values=(2,), domains=("code",), max_new_tokens=7, num_prompts=1, repeats=2)
PROMPTS = {
    domain: [TokenisedPrompt(f"{domain}_000", ids) for ids in tiny_models.prompts(1, seed=seed)]
    for seed, domain in enumerate(GRID.domains)
}
NAMES = ["hf-generate", "hf-assisted", "hf-assisted-K2", "hf-lookup", "ours-AR", "ours-K2"]


@pytest.fixture(scope="module")
def pair() -> tuple[ModelWrapper, ModelWrapper]:
    return tiny_models.tiny_pair("llama")


def compare(path: Path, pair, arms: list[Arm] | None = None, grid: Grid = GRID, **options) -> PeerComparison:
    options = {"compile": False, "report": lambda line: None} | options
    return PeerComparison(grid, *pair, PROMPTS, path / "peers.jsonl", arms=arms, **options)


@pytest.fixture(scope="module")
def session(tmp_path_factory, pair) -> tuple[list[Record], list[str]]:
    """Every record of a comparison, as read from its file, and the progress it reported."""
    path, lines = tmp_path_factory.mktemp("peers"), []
    comparison = compare(path, pair, report=lines.append)
    returned = comparison.warm_up() + comparison.measure()
    records, problems = read_records(path / "peers.jsonl")
    assert problems == [] and records == returned
    return records, lines


def runs_of(records: list[dict]) -> list[dict]:
    return [record for record in records if record["kind"] == "peer"]


def test_every_arm_is_recorded_once_and_runs_every_block(session) -> None:
    records, lines = session
    arms = [record for record in records if record["kind"] == "arm"]
    assert [record["decoder"] for record in arms] == NAMES
    assert all("refused" not in record["arm"] for record in arms)
    assert arms[2]["arm"]["options"] == constant_drafting(2)
    blocks = list(GRID.blocks())
    assert len(runs_of(records)) == len(blocks) * len(NAMES)
    assert sum("is warm" in line for line in lines) == len(NAMES) and "about 0 s left" in lines[-1]


def test_every_arm_emits_as_many_tokens_counted_by_id(session) -> None:
    """Traps 27 and 30."""
    for record in runs_of(session[0]):
        assert len(record["result"]["generated_ids"]) == GRID.max_new_tokens
        assert record["result"]["total_time"] > 0 and record["new_graphs"] == 0


def test_arms_of_a_block_share_its_prompt_and_seed_and_each_comes_first_in_turn(session) -> None:
    runs = runs_of(session[0])
    blocks = [runs[i : i + len(NAMES)] for i in range(0, len(runs), len(NAMES))]
    for block in blocks:
        assert len({(r["prompt_id"], r["repeat"], r["config"]["temperature"], r["seed"]) for r in block}) == 1
        assert sorted(r["decoder"] for r in block) == sorted(NAMES)
        assert [r["turn"] for r in block] == list(range(len(NAMES)))
    assert [block[0]["decoder"] for block in blocks] == [*NAMES, *NAMES[:2]]


def test_at_temperature_0_all_arms_emit_the_same_ids(session) -> None:
    runs = runs_of(session[0])
    found = require_same_ids(runs)
    assert found == {"compared": 4 * (len(NAMES) - 1), "identical": 4 * (len(NAMES) - 1), "differing": []}
    assert {r["reference"] for r in runs if r["first_difference"] is not None} == {"hf-generate"}
    assert {r["first_difference"] for r in runs if r["config"]["temperature"] > 0} == {None}


def test_the_records_lead_to_every_row_and_ratio(session) -> None:
    rows = peer_table(session[0], draws=20)
    assert [row["arm"] for row in rows] == NAMES * 2 and all(row["ratio"] > 0 for row in rows)
    missing = [row["name"] for row in ratio_table(session[0], draws=20) if row["missing"]]
    assert missing == ["ours autoregressive compiled ÷ HF static + compile"] * 2


@pytest.mark.parametrize("architecture", ["gpt2", "qwen2"])
def test_other_architectures_emit_the_same_ids_too(architecture: str) -> None:
    prompt = tiny_models.prompts(1, seed=3)[0]
    arms = make_arms(*tiny_models.tiny_pair(architecture), (3,), compile=False)
    assert len({tuple(arm.make()(prompt, 8, 0.0, 1).generated_ids) for arm in arms}) == 1


# -- no arm starts warm, and none leaves anything behind ------------------------------------------------


def test_the_assistants_draft_length_is_set_back_before_each_run(pair, monkeypatch) -> None:
    """Trap 29: the heuristic schedule keeps on the assistant what it has learnt."""
    drafting = {"num_assistant_tokens": 5, "num_assistant_tokens_schedule": "heuristic"}
    run, seen = HuggingFace(pair[0].model, {}, pair[1].model, drafting), []
    generate = run.model.generate

    def watched(*arguments, assistant_model, **options):
        before = assistant_model.generation_config.num_assistant_tokens
        output = generate(*arguments, assistant_model=assistant_model, **options)
        seen.append((before, assistant_model.generation_config.num_assistant_tokens))
        return output

    monkeypatch.setattr(run.model, "generate", watched)
    first, second = (run([1, 2, 3], 24, 0.0, seed=0).generated_ids for _ in range(2))
    assert first == second and [before for before, _ in seen] == [5, 5]
    assert {after for _, after in seen} != {5}  # it does adapt


def test_a_draft_that_ships_its_own_draft_length_keeps_it(pair) -> None:
    draft = copy.deepcopy(pair[1])
    assert drafting_of(draft.model) == {}
    draft.model.generation_config.num_assistant_tokens = 7
    (arm,) = [arm for arm in make_arms(pair[0], draft, (2,), compile=False) if arm.name == "hf-assisted"]
    assert arm.facts.options == {"num_assistant_tokens": 7}


def test_a_checkpoints_generation_configuration_takes_no_part(pair, tmp_path: Path) -> None:
    """An end of text, a penalty and a top-k would be another length and another law."""
    target, draft = copy.deepcopy(pair)
    plain = HuggingFace(target.model, {})([3, 1, 4], 12, 0.0, seed=0).generated_ids
    for model in (target.model, draft.model):
        model.generation_config.update(eos_token_id=plain[1], repetition_penalty=2.0, top_k=1, max_length=5)
    shipped = copy.deepcopy(target.model.generation_config.to_dict())
    for arm in make_arms(target, draft, (2,), compile=False):
        assert arm.make()([3, 1, 4], 12, 0.0, seed=0).generated_ids == plain, arm.name
    sampled = {
        tuple(HuggingFace(target.model, {})([3, 1, 4], 12, 0.8, seed).generated_ids) for seed in range(4)
    }
    assert len(sampled) == 4
    assert target.model.generation_config.to_dict() == shipped


def test_a_sampled_run_repeats_and_leaves_the_global_generator_alone(pair) -> None:
    run = HuggingFace(pair[0].model, {}, pair[1].model, constant_drafting(2))
    before = torch.get_rng_state()
    one, again, other = (run([5, 6], 10, 0.8, seed).generated_ids for seed in (1, 1, 2))
    assert one == again != other
    assert torch.equal(torch.get_rng_state(), before)


def test_twins_share_weights_and_nothing_else(pair) -> None:
    model = pair[0].model
    copied = twin(model)
    theirs = dict(copied.named_parameters())
    assert all(theirs[name] is parameter for name, parameter in model.named_parameters())
    assert not {id(module) for module in model.modules()} & {id(module) for module in copied.modules()}
    copied.generation_config.num_beams = 3
    assert model.generation_config.num_beams != 3


def test_what_static_caches_and_compilers_leave_stays_on_their_own_modules(
    pair, tmp_path, monkeypatch
) -> None:
    """Traced by the real compiler front end; the eager back end spares the C++ build."""
    options = hugging_face.static_and_compiled()
    assert options["compile_config"]._compile_all_devices  # or a CPU would silently not compile
    options["compile_config"].backend = "eager"
    built: list[HuggingFace] = []

    def build() -> HuggingFace:
        built.append(HuggingFace(pair[0].model, options))
        return built[-1]

    static = Arm("hf-static-compiled", Facts(HUGGING_FACE, "autoregressive", compiled=True), build)
    comparison = compare(tmp_path, pair, [make_arms(*pair, (2,), compile=False)[0], static], SMALL)
    before = set(vars(pair[0].model))
    records = comparison.warm_up() + comparison.measure()
    assert require_same_ids(runs_of(records))["identical"] == 2
    (warm,) = [r["arm"] for r in records if r["kind"] == "arm" and r["decoder"] == "hf-static-compiled"]
    assert warm["compile_seconds"] > 0 and warm["warm_up_seconds"] > 0
    assert {r["new_graphs"] for r in runs_of(records)} == {0}
    attached = {"_compiled_call", "_previous_max_cache_length"}
    assert attached & set(vars(built[0].model)) and set(vars(pair[0].model)) == before


# -- an arm that fails ends nothing ---------------------------------------------------------------------


def arms_with(pair, arm: Arm) -> list[Arm]:
    chosen = [a for a in make_arms(*pair, (2,), compile=False) if a.name in ("hf-generate", "ours-AR")]
    return [*chosen[:1], arm, *chosen[1:]]


class Spoilt:
    """Emits the ids of the honest arm, until told otherwise."""

    fell_back = False

    def __init__(self, pair, spoil, after: int = 0) -> None:
        self.honest, self.spoil, self.left = HuggingFace(pair[0].model, {}), spoil, after

    def __call__(self, prompt_ids, max_new_tokens, temperature, seed) -> GenerationResult:
        self.left -= 1
        result = self.honest(prompt_ids, max_new_tokens, temperature, seed)
        return result if self.left >= 0 else self.spoil(result)


def fails(result: GenerationResult) -> GenerationResult:
    raise ValueError("assisted generate is not supported with Static cache classes\nand a page of details")


def stops_early(result: GenerationResult) -> GenerationResult:
    return GenerationResult(generated_ids=result.generated_ids[:-1], total_time=1.0)


def emits_a_wrong_token(result: GenerationResult) -> GenerationResult:
    wrong = (result.generated_ids[3] + 1) % tiny_models.VOCAB
    return GenerationResult([*result.generated_ids[:3], wrong, *result.generated_ids[4:]], total_time=1.0)


@pytest.mark.parametrize(
    "spoil, after, reason",
    [
        (fails, 0, "ValueError: assisted generate is not supported with Static cache classes"),
        (fails, 3, "ValueError: assisted generate is not supported with Static cache classes"),
        (stops_early, 0, "it emitted 6 of 7 tokens, so its time says nothing"),
        (stops_early, 4, "it emitted 6 of 7 tokens, so its time says nothing"),
    ],
)
def test_an_arm_that_fails_is_refused_by_name_with_its_reason(pair, tmp_path, spoil, after, reason) -> None:
    failing = Arm("failing", Facts(OURS, "autoregressive"), lambda: Spoilt(pair, spoil, after))
    lines: list[str] = []
    comparison = compare(tmp_path, pair, arms_with(pair, failing), SMALL, report=lines.append)
    records = comparison.warm_up() + comparison.measure()
    assert records == read_records(tmp_path / "peers.jsonl")[0]
    refused = [r["decoder"] for r in records if r["kind"] == "arm" and r["arm"].get("refused") == reason]
    assert refused == ["failing"] and f"failing is refused: {reason}" in lines
    ran = [r["decoder"] for r in runs_of(records)]
    assert ran.count("hf-generate") == ran.count("ours-AR") == len(list(SMALL.blocks()))
    rows = {row["arm"]: row for row in peer_table(records, draws=20) if row["temperature"] == 0}
    assert rows["failing"]["refused"] == reason and rows["failing"]["ratio"] is None
    assert rows["ours-AR"]["ratio"] > 0


def test_an_arm_whose_compiler_gives_up_in_the_middle_does_not_keep_its_name(pair, tmp_path: Path) -> None:
    engine = Spoilt(pair, lambda result: setattr(engine, "fell_back", True) or result, after=5)
    engine.has_graphs = True
    arm = Arm("compiled", Facts(OURS, "autoregressive", compiled=True), lambda: engine)
    comparison = compare(tmp_path, pair, arms_with(pair, arm), SMALL)
    assert "refused" not in comparison.warm_up()[1]["arm"]
    (record,) = [record for record in comparison.measure() if record["kind"] == "arm"]
    assert record["decoder"] == "compiled" and record["arm"]["refused"].startswith("it ran, but without")


def test_an_arm_that_cannot_be_built_is_refused(pair, tmp_path: Path) -> None:
    def build():
        raise RuntimeError("no such kernel")

    comparison = compare(tmp_path, pair, arms_with(pair, Arm("unbuilt", Facts(OURS, "lookup"), build)))
    (record,) = [r for r in comparison.warm_up() if r["decoder"] == "unbuilt"]
    assert record["arm"]["refused"] == "RuntimeError: no such kernel"


def test_without_a_compiler_the_compiled_arms_are_refused_and_the_others_run(
    pair, tmp_path, monkeypatch, by_graphs
) -> None:
    def no_compiler(*arguments, **options):
        raise RuntimeError("no C++ compiler found")

    monkeypatch.setattr(torch, "compile", no_compiler)
    grid = Grid(
        k_values=(2,), domains=("code",), temperatures=(0.0,), max_new_tokens=3, num_prompts=1, repeats=1
    )
    records = compare(tmp_path, pair, grid=grid, compile=True).warm_up()
    refused = {r["decoder"]: r["arm"].get("refused") for r in records}
    assert [name for name, reason in refused.items() if reason is None] == NAMES
    assert refused["hf-static-compiled"] == "RuntimeError: no C++ compiler found"
    for name in ("ours-AR-compiled", "ours-K2-compiled"):
        assert refused[name].startswith("it ran, but without compiled code")


def test_a_draft_of_another_width_is_refused_by_assisted_generation_alone(pair) -> None:
    torch.manual_seed(1)
    narrow = tiny_models.llama()
    narrow.resize_token_embeddings(tiny_models.VOCAB - 3)
    draft = ModelWrapper(narrow, vocab_size=pair[0].vocab_size)
    arms = {arm.name: arm for arm in make_arms(pair[0], draft, (2,), compile=False)}
    with pytest.raises(ValueError, match="different tokenizers"):
        arms["hf-assisted"].make()([1, 2], 4, 0.0, 0)
    assert arms["ours-K2"].make()([1, 2], 4, 0.0, 0).num_tokens == 4


def test_a_lossy_arm_is_caught_with_its_prompts(pair, tmp_path: Path) -> None:
    """A bug put in on purpose."""
    lossy = Arm("lossy", Facts(OURS, "speculative"), lambda: Spoilt(pair, emits_a_wrong_token))
    comparison = compare(tmp_path, pair, arms_with(pair, lossy))
    comparison.warm_up()
    runs = runs_of(comparison.measure())
    with pytest.raises(OutputsDiffer, match="lossy on code_000, conversation_000, the first from token 3 on"):
        require_same_ids(runs)
    (first, *_) = [r for r in runs if r["decoder"] == "lossy" and r["first_difference"] is not None]
    assert first["logit_gap"] > 0 and not first["tied"]


def test_a_full_disk_does_end_it(pair, tmp_path: Path, monkeypatch) -> None:
    comparison = compare(tmp_path, pair, make_arms(*pair, (2,), compile=False)[:1], SMALL)
    comparison.warm_up()

    def full(path, records) -> None:
        raise RecordError("append: No space left on device")

    monkeypatch.setattr(session_module, "append_records", full)
    with pytest.raises(RecordError, match="No space left"):
        comparison.measure()


def test_prompts_leave_room_for_the_last_candidates_of_prompt_lookup(pair, monkeypatch) -> None:
    monkeypatch.setattr(ModelWrapper, "encode", lambda self, text: [1] * len(text))
    room = tiny_models.CONTEXT - GRID.max_new_tokens
    prompts = tuple(Prompt(f"code_{n:03d}", "code", "x" * n, n) for n in (room, room - 10))
    grid = Grid(domains=("code",), max_new_tokens=GRID.max_new_tokens, num_prompts=1)
    chosen = peer_prompts(grid, pair[0], PromptDataset(prompts))
    assert [len(prompt.ids) for prompt in chosen["code"]] == [room - 10]


def test_a_target_without_numbers_ends_the_comparison_and_is_recorded_nowhere(
    tmp_path: Path, monkeypatch
) -> None:
    """No arm is refused for it: those of the other library would go on with texts of one token."""
    models = tiny_models.tiny_pair("llama")
    comparison = compare(tmp_path, models)

    def unsound(*arguments, **options):
        raise UnsoundLogits("logits of llama hold NaN")

    monkeypatch.setattr(models[0], "forward", unsound)
    with pytest.raises(UnsoundLogits, match="hold NaN"):
        comparison.warm_up()
    assert not (tmp_path / "peers.jsonl").exists()


def test_numbers_that_are_lost_in_the_middle_end_it_too(tmp_path: Path, monkeypatch) -> None:
    models = tiny_models.tiny_pair("llama")
    comparison = compare(tmp_path, models, grid=SMALL)
    comparison.warm_up()
    before = (tmp_path / "peers.jsonl").read_bytes()

    def unsound(*arguments, **options):
        raise UnsoundLogits("logits of llama hold NaN")

    monkeypatch.setattr(models[0], "forward", unsound)
    with pytest.raises(UnsoundLogits):
        comparison.measure()
    assert (tmp_path / "peers.jsonl").read_bytes() == before
