"""``specdec export``."""

from __future__ import annotations


def test_a_pair_is_written_and_told_how_to_run(specdec, tmp_path) -> None:
    out = tmp_path / "out"
    document = specdec("export", "--to", "gguf", "--out", str(out), "--dtype", "f16", "--json").document
    assert (document["to"], document["dtype"]) == ("gguf", "f16")
    models = {model["role"]: model for model in document["models"]}
    assert models["target"]["model"] == "pocket-target" and models["draft"]["model"] == "pocket-draft"
    assert models["target"]["num_bytes"] == (out / "target.gguf").stat().st_size
    assert document["run"] == (
        f"llama-server -m {out / 'target.gguf'} -md {out / 'draft.gguf'} --spec-type draft-simple"
    )


def test_a_target_alone_is_written_alone(specdec, tmp_path) -> None:
    shown = specdec("export", "--to", "gguf", "--out", str(tmp_path), "--target", "pocket-draft")
    assert shown.code == 0 and "target.gguf" in shown.out and "Try it:" in shown.out
    assert [path.name for path in tmp_path.iterdir()] == ["target.gguf"]


def test_one_line_where_something_cannot_be(specdec, tmp_path) -> None:
    for given, said in (
        (("--to", "onnx"), "cannot export to 'onnx'"),
        (("--to", "gguf", "--pair", "pocket", "--target", "pocket-draft"), "--pair names both models"),
        (("--to", "gguf", "--pair", "pocket_foreign"), "splits text before it merges"),
        (("--to", "gguf", "--dtype", "int4"), "choose from: f32, f16, bf16"),
    ):
        shown = specdec("export", "--out", str(tmp_path), *given)
        assert shown.code == 2 and said in shown.err and shown.err.count("\n") == 1
