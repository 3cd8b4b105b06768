"""Settings of a sweep: what is read, and what is refused in one line."""

from __future__ import annotations

import json

import pytest
from jsonschema import Draft202012Validator

from specdec_lib.bench.sweep.cells import cells_of
from specdec_lib.bench.sweep.config import config_of, read_sweep, shipped_configs, sweep_schema
from specdec_lib.bench.sweep.yaml_file import read_yaml
from specdec_lib.errors import InvalidArgument
from specdec_lib.utils.paths import data_path


def test_what_is_not_said_is_as_usual_and_the_file_gives_the_name(tmp_path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text("pairs: [pocket]\n")
    config = read_sweep(path)
    assert (config.name, config.pairs, config.draft_lengths) == ("mine", ["pocket"], [4])
    assert config_of({"pairs": ["pocket"], "name": "other"}).name == "other"


REFUSED = [
    ("pairs: [pocket]\ndraft_lenghts: [1]", "unknown setting 'draft_lenghts'; did you mean 'draft_lengths'?"),
    ("pairs: [{target: a, daft: b}]", "unknown setting 'pairs[0].daft'; did you mean 'draft'?"),
    ("pairs: [{draft: b}]", "pairs[0].target is missing"),
    ("draft_lengths: [1]", "pairs is missing"),
    ("pairs: pocket", "pairs is 'pocket'"),
    ("pairs: []", "pairs is []"),
    ("pairs: [3]", "pairs[0] is 3"),
    ("pairs: [pocket]\ndraft_lengths: [0]", "draft_lengths[0] is 0"),
    ("pairs: [pocket]\ndraft_lengths: [2, true]", "draft_lengths[1] is True"),
    ("pairs: [pocket]\ntemperatures: [hot]", "temperatures[0] is 'hot'"),
    ("pairs: [pocket]\ntemperatures: [.nan]", "temperatures[0] is nan"),
    ("pairs: [pocket]\ntemperatures: [1, 1.0]", "temperatures holds 1.0 twice"),
    ("pairs: [pocket]\nmax_new_tokens: 1e3", "max_new_tokens is '1e3'"),
    ("pairs: [pocket]\nname: ../up", "name is '../up'"),
    ("pairs: [pocket]\nexclude: [{K: 3}]", "exclude names the axis 'K'"),
    ("pairs: [a]\npairs: [b]", "'pairs' is given twice (line 2)"),
    ("pairs: [", "no YAML"),
    ("pairs: [2024-13-45]", "no YAML: month must be in 1..12"),
    ("? [pairs]\n: [pocket]", "no YAML: found unhashable key"),
    ("- pocket", "holds list"),
    ("", "holds NoneType"),
]


@pytest.mark.parametrize(("content", "said"), REFUSED)
def test_what_is_wrong_is_one_line_that_names_the_file_and_the_setting(tmp_path, content, said) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(content)
    with pytest.raises(InvalidArgument) as caught:
        read_sweep(path)
    message = str(caught.value)
    assert said in message and "mine.yaml" in message and "\n" not in message


def test_a_file_that_is_not_there_names_the_sweeps_that_are(tmp_path) -> None:
    with pytest.raises(InvalidArgument, match=r"no such file; name a YAML file, or one of .*pocket"):
        read_sweep("pockett")
    with pytest.raises(InvalidArgument, match="it is a folder"):
        read_sweep(tmp_path)


def test_the_published_schema_is_the_settings_and_takes_what_is_shipped() -> None:
    published = json.loads(data_path("configs", "sweep.schema.json").read_text(encoding="utf8"))
    assert published == sweep_schema(), (
        "write it anew: python -m specdec_lib.bench.sweep.config > data/configs/sweep.schema.json"
    )
    validator = Draft202012Validator(published)
    for path in shipped_configs().values():
        validator.validate(read_yaml(path))
    assert next(validator.iter_errors({"pairs": ["pocket"], "draft_lenghts": [1]}), None) is not None


def test_what_is_shipped_is_read_and_the_specified_grid_has_its_cells() -> None:
    configs = {name: read_sweep(name) for name in shipped_configs()}
    assert set(configs) == {"peers", "pocket", "real", "specified"}
    specified = cells_of(configs["specified"])
    assert len(specified) == 4 * 3 * 4 and len({cell.pair_name for cell in specified}) == 4
    assert {cell.place["draft_length"] for cell in specified} == {1, 2, 4, 8}
