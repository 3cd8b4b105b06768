"""From text to a draft: every form, odd names, and refusals that name the nearest right word."""

from __future__ import annotations

import subprocess
import sys

import pytest

from specdec_lib.decoding.drafters.grammar import read_draft
from specdec_lib.decoding.drafters.grammar.own_layers import HeadSpec, LayersSpec, SkipSpec
from specdec_lib.decoding.drafters.grammar.specs import (
    CascadeSpec,
    ClassSpec,
    LookupSpec,
    ModelSpec,
    SelfSpec,
    SuffixSpec,
)
from specdec_lib.errors import InvalidArgument
from specdec_lib.models.registry import REGISTRY


@pytest.mark.parametrize(
    ("text", "spec"),
    [
        ("lookup", LookupSpec(1, 3)),
        ("lookup:n=3", LookupSpec(3, 3)),
        ("lookup:n=2-3", LookupSpec(2, 3)),
        ("lookup:n=2-5,tokens=10", LookupSpec(2, 5, 10)),
        (" lookup : tokens = 10 ", LookupSpec(1, 3, 10)),
        ("suffix", SuffixSpec()),
        ("suffix:least=4", SuffixSpec(4)),
        ("suffix:tokens=8,least=4", SuffixSpec(4, 8)),
        ("layers:20", LayersSpec(20)),
        (" layers : 4 ", LayersSpec(4)),
        ("skip:3,5,7-9", SkipSpec((3, 5, 7, 8, 9))),
        ("skip:7, 3-4,4", SkipSpec((3, 4, 7))),
        ("head:./mine", HeadSpec("./mine")),
        ("head:/models/a@b", HeadSpec("/models/a@b")),
        ("self", SelfSpec()),
        ("self@int4", SelfSpec("int4")),
        ("pocket-draft", ModelSpec("pocket-draft")),
        ("gpt2@float32", ModelSpec("gpt2", "float32")),
        ("Qwen/Qwen3-0.6B", ModelSpec("Qwen/Qwen3-0.6B")),
        ("Qwen/Qwen3-0.6B@bfloat16", ModelSpec("Qwen/Qwen3-0.6B", "bfloat16")),
        ("lookup/lookup", ModelSpec("lookup/lookup")),
        ("./lookup", ModelSpec("./lookup")),
        ("/models/a@b/c", ModelSpec("/models/a@b/c")),
        ("/models/a:b", ModelSpec("/models/a:b")),
        ("~/x@int4", ModelSpec("~/x", "int4")),
        ("small.gguf", ModelSpec("small.gguf")),
        ("./small.Q8_0.gguf@bfloat16", ModelSpec("./small.Q8_0.gguf", "bfloat16")),
        ("ollama:llama3", ModelSpec("ollama:llama3")),
        ("ollama:llama3:8b", ModelSpec("ollama:llama3:8b")),
        ("ollama:hf.co/org/m-GGUF:Q8_0@int4", ModelSpec("ollama:hf.co/org/m-GGUF:Q8_0", "int4")),
        ("", ModelSpec("")),
        ("my_drafts:Lookup", ClassSpec("my_drafts:Lookup")),
        ("a.b:C.d", ClassSpec("a.b:C.d")),
        ("lookup > pocket-draft", CascadeSpec((LookupSpec(), ModelSpec("pocket-draft")))),
        ("lookup:n=3>suffix > m:C>self@int4", CascadeSpec(
            (LookupSpec(3, 3), SuffixSpec(), ClassSpec("m:C"), SelfSpec("int4"))
        )),
    ],
)  # fmt: skip
def test_every_form_is_read(text, spec):
    assert read_draft(text) == spec
    assert read_draft(str(spec)) == spec  # its own spelling says the same


@pytest.mark.parametrize("model_id", sorted({m for p in REGISTRY.values() for m in (p.draft_model_id,)}))
def test_models_that_are_known_are_models(model_id):
    assert read_draft(model_id) == ModelSpec(model_id)


@pytest.mark.parametrize("name", ["a@int4", "a > b", "a>b", "m:C", "x:y=1", "lookupp", "a > b@int4", "100%"])
def test_a_folder_is_taken_by_its_name_whatever_that_holds(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / name).mkdir()
    assert read_draft(name) == ModelSpec(name)
    assert read_draft(f"lookup > {name}") == CascadeSpec((LookupSpec(), ModelSpec(name)))
    assert read_draft(f"{name} > suffix") == CascadeSpec((ModelSpec(name), SuffixSpec()))
    assert read_draft(f"{name}@int4") == ModelSpec(name, "int4")
    assert read_draft(str(tmp_path / name)) == ModelSpec(str(tmp_path / name))


def test_a_word_is_a_word_also_where_a_folder_has_its_name(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("lookup", "suffix", "self", "self@int4"):
        (tmp_path / name).mkdir()
    assert read_draft("lookup") == LookupSpec() and read_draft("./lookup") == ModelSpec("./lookup")
    assert read_draft("self") == SelfSpec()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("lokup", "unknown word 'lokup'; did you mean lookup?"),
        ("Lookup", "unknown word 'Lookup'; did you mean lookup?"),
        ("suffixed:least=2", "unknown word 'suffixed'; did you mean suffix?"),
        ("pocket-darft", "unknown word 'pocket-darft'; did you mean pocket-draft?"),
        ("beam:width=3", "unknown word 'beam'; there are lookup, suffix, self, layers, skip, head, pocket"),
        ("layer:20", "unknown word 'layer'; did you mean layers?"),
        ("lookup:least=3", "lookup has no option 'least'; there are n, tokens"),
        ("suffix:token=3", "suffix has no option 'token'; did you mean tokens?"),
        ("lookup:", "lookup has no option ''"),
        ("lookup:n=3,n=2", "n is given twice"),
        ("lookup:n=0", "n is '0'; write n=3 or n=1-3"),
        ("lookup:n=3-2", "n is '3-2'"),
        ("lookup:n=-1", "n is '-1'"),
        ("lookup:n=2_3", "n is '2_3'"),
        ("lookup:n=３", "n is '３'; write n=3 or n=1-3"),
        (f"lookup:n={'9' * 5000}", "write n=3 or n=1-3"),
        (f"lookup:tokens={'9' * 5000}", "write tokens=N"),
        ("lookup:tokens=1_0", "tokens is '1_0'; write tokens=N"),
        ("suffix:least=٤", "least is '٤'; write least=N"),
        ("layers:２", "draft 'layers:２': write layers:N"),
        ("layers:1_0", "write layers:N"),
        (f"layers:{'9' * 5000}", "write layers:N"),
        ("skip:٣", "write skip:3,5,7-9"),
        (f"skip:{'9' * 5000}", "write skip:3,5,7-9"),
        ("lookup:tokens=x", "tokens is 'x'; write tokens=N"),
        ("suffix:least=0", "least is '0'; write least=N with N at least 1"),
        ("suffix:least", "least is ''"),
        ("pocket-draft@int5", "unknown dtype 'int5'; did you mean int4? there are auto, float16"),
        ("self@", "unknown dtype ''"),
        ("> lookup", "a draft on both sides"),
        ("lookup > ", "a draft on both sides"),
        ("lookup > > suffix", "a draft on both sides"),
        ("lookup > lokup", "draft 'lokup': unknown word"),
        ("layers", "draft 'layers:': write layers:N, the number of the target's first layers, from 1 on"),
        ("layers:0", "write layers:N"),
        ("layers:1-3", "write layers:N"),
        ("skip:", "draft 'skip:': write skip:3,5,7-9, the layers to leave out, counted from 0"),
        ("skip:1,,3", "write skip:3,5,7-9"),
        ("skip:9-7", "write skip:3,5,7-9"),
        ("skip:0-99999999999", "write skip:3,5,7-9"),
        ("head", "draft 'head:': write head:FOLDER, a folder that"),
        ("layer:3", "unknown word 'layer'; did you mean layers?"),
    ],
)
def test_what_is_wrong_is_said_in_a_line_with_the_nearest_right_one(text, said):
    with pytest.raises(InvalidArgument, match=said.replace("?", r"\?")) as raised:
        read_draft(text)
    assert "\n" not in str(raised.value)


def test_reading_needs_no_torch():
    code = (
        "import sys; from specdec_lib.decoding.drafters.grammar.pairs import asked_pair\n"
        "asked_pair(draft='lookup > pocket-draft')\n"
        "print(sorted({'torch', 'transformers', 'numpy'} & set(sys.modules)))"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert run.stdout == "[]\n", run.stderr
