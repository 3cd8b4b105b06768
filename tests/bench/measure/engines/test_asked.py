"""Engines as they are written on the command line, and whether they are there."""

from __future__ import annotations

import pytest

from specdec_lib.bench.measure.engines import asked
from specdec_lib.bench.measure.engines.asked import (
    WantedEngine,
    engine_package,
    read_engines,
    require_engines,
)
from specdec_lib.errors import InvalidArgument
from specdec_lib.lossless.audit.peers.llama_cpp import llama_program


def test_names_and_addresses_in_one_list_or_several():
    found = read_engines(
        ["llama.cpp, OpenVINO", "mine=http://127.0.0.1:8080/", "http://user:secret@h:1?key=2"]
    )
    assert found == [
        WantedEngine("llama.cpp"),
        WantedEngine("openvino"),
        WantedEngine("mine", "http://127.0.0.1:8080"),
        WantedEngine("h:1", "http://user:secret@h:1?key=2"),
    ]
    assert read_engines(["openvino genai"]) == [WantedEngine("openvino")] and read_engines([]) == []


@pytest.mark.parametrize(
    ("listed", "said"),
    [
        ("llama.ccp", r"'llama.ccp', which is no engine; did you mean llama.cpp\?"),
        ("openvin", r"did you mean openvino\?"),
        ("xyz", r"did you mean llama.cpp or llama.cpp-f16 or openvino\?"),
        ("mine=", r"mine= names no address"),
        ("openvino,openvino", r"names openvino twice"),
        ("a=http://h:1,a=http://h:2", r"names a twice"),
    ],
)
def test_what_is_none_is_refused_with_the_nearest(listed, said):
    with pytest.raises(InvalidArgument, match=said):
        read_engines([listed])


def test_what_is_not_installed_is_said_in_one_line(tmp_path, monkeypatch):
    def absent(name):
        raise asked.PackageNotFoundError(name)

    monkeypatch.setattr(asked, "distribution", absent)
    require_engines([WantedEngine("here", "http://h:1")], tmp_path)
    for name, missing in (("llama.cpp", "llama-server"), ("openvino", "openvino-genai")):
        with pytest.raises(InvalidArgument, match=rf"{missing} is missing\): make peers installs it"):
            require_engines([WantedEngine(name)], tmp_path)
    program = llama_program(tmp_path)
    program.parent.mkdir(parents=True)
    program.touch()
    described = tmp_path / "openvino" / "openvino_genai-9.1.dist-info"
    described.mkdir(parents=True)
    (described / "METADATA").write_text("Metadata-Version: 2.1\nName: openvino-genai\nVersion: 9.1\n")
    require_engines([WantedEngine("llama.cpp"), WantedEngine("openvino")], tmp_path)
    assert engine_package("openvino-genai", tmp_path / "openvino") == ("9.1", described)


def test_a_package_beside_the_library_is_found_where_the_folder_has_none(tmp_path):
    found = engine_package("pytest", tmp_path)
    assert found is not None and found[0] == pytest.__version__ and found[1].is_dir()
