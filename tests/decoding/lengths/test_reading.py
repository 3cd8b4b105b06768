"""What ``--k`` takes: numbers, policies with their options, and a line that names what is wrong."""

from __future__ import annotations

import subprocess
import sys

import pytest

from specdec_lib.decoding.lengths import read_length, read_lengths
from specdec_lib.decoding.lengths.specs import CostAwareSpec, FixedSpec, SignalSpec
from specdec_lib.errors import InvalidArgument

PLAIN = [
    (4, FixedSpec(4), "4"),
    (" 12 ", FixedSpec(12), "12"),
    ("confidence", SignalSpec("confidence"), "confidence:0.4"),
    ("confidence:0.25,most=16", SignalSpec("confidence", 0.25, 16), "confidence:0.25,most=16"),
    ("entropy:.5,gamma=.3,most=4", SignalSpec("entropy", 0.5, 4, 0.3), "entropy:0.5,most=4,gamma=0.3"),
    ("confidence:-0", SignalSpec("confidence", 0.0), "confidence:0"),
    ("confidence:1e-1", SignalSpec("confidence", 0.1), "confidence:0.1"),
    ("entropy:most=4", SignalSpec("entropy", most=4), "entropy:0.4,most=4"),
    ("cost-aware", CostAwareSpec(), "cost-aware"),
    ("cost-aware:most=5", CostAwareSpec(5), "cost-aware:most=5"),
]


@pytest.mark.parametrize("written, spec, plainest", PLAIN)
def test_a_length_reads_as_its_plainest_spelling_does(written, spec, plainest) -> None:
    assert read_length(written) == spec
    assert str(spec) == plainest and read_length(plainest) == spec


def test_a_list_keeps_options_with_the_word_before_them() -> None:
    found = read_lengths("2,entropy:0.3,gamma=0.1,most=4,cost-aware")
    assert found == [FixedSpec(2), SignalSpec("entropy", 0.3, 4, 0.1), CostAwareSpec()]


@pytest.mark.parametrize(
    "written, said",
    [
        ("0", "draft length is '0'; give a whole number from 1 on"),
        ("-3", "draft length is '-3'"),
        ("4.5", "draft length is '4.5'"),
        ("9" * 5000, "give a whole number"),
        ("nan", "draft length is 'nan'"),
        ("", "unknown word ''"),
        ("many", "unknown word 'many'; give a whole number"),
        ("confidense:0.4", "did you mean confidence?"),
        ("cost_aware", "did you mean cost-aware?"),
        ("+4", "draft length is '+4'"),
        ("4.0", "draft length is '4.0'"),
        ("4_0", "draft length is '4_0'"),
        ("４", "draft length is '４'"),
        ("confidence:0_1", "threshold is '0_1'; give a number from 0 to 1"),
        ("confidence:０.１", "threshold is '０.１'"),
        ("entropy:0.4,gamma=0_3", "gamma is '0_3'; give a number above 0"),
        ("entropy:0.4,most=1_6", "most is '1_6'; give a whole number from 1 on"),
        ("entropy:0.4,most=٤", "most is '٤'"),
        ("confidence,most=4", "options stand behind a colon; write confidence:most=4"),
        ("cost-aware,most=4", "options stand behind a colon; write cost-aware:most=4"),
        ("confidence:", "threshold is ''; give a number from 0 to 1"),
        ("confidence:1.5", "threshold is '1.5'"),
        ("entropy:nan", "threshold is 'nan'"),
        ("entropy:0.4,gama=1", "entropy has no option 'gama'; did you mean gamma?"),
        ("entropy:0.4,gamma=inf", "gamma is 'inf'; give a number above 0"),
        ("confidence:0.4,gamma=1", "confidence has no option 'gamma'"),
        ("confidence:0.4,most=0", "most is '0'; give a whole number from 1 on"),
        ("confidence:0.4,most=2,most=3", "most is given twice"),
        ("confidence:0.4,0.5", "confidence has no option '0.5'"),
        ("cost-aware:0.4", "cost-aware has no option '0.4'; there is most"),
    ],
)
def test_what_cannot_be_read_is_refused_in_one_line(written, said) -> None:
    with pytest.raises(InvalidArgument) as caught:
        read_length(written)
    assert said in str(caught.value) and "\n" not in str(caught.value)


def test_reading_loads_no_torch() -> None:
    code = "import sys; from specdec_lib.decoding.lengths import read_length; read_length('entropy'); "
    subprocess.run([sys.executable, "-c", f"{code}sys.exit('torch' in sys.modules)"], check=True)
