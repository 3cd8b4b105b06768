"""Fields of an answer: the type that is promised, or one line that names the place and what came."""

from __future__ import annotations

import pytest

from specdec_lib.errors import ServerFailed
from specdec_lib.lossless.audit.servers.fields import Fields

READ = {"a": {"b": [{"c": 1}, {"c": "1"}]}, "n": 1.5, "t": "yes", "f": False, "none": None, "ids": [0, 3]}


def test_fields_of_the_right_type_are_given():
    fields = Fields(READ, "s")
    assert fields.inner("a").objects("b")[0].whole("c") == 1
    assert (fields.number("n"), fields.text("t"), fields.flag("f")) == (1.5, "yes", False)
    assert fields.wholes("ids", 0, 3) == (0, 3) and fields.listed("ids") == [0, 3]
    assert fields.one_of("t", ("yes", "no")) == "yes"
    assert fields.has("t") and not fields.has("none") and not fields.has("other")


@pytest.mark.parametrize(
    ("ask", "words"),
    [
        (lambda fields: fields.inner("a").objects("b")[1].whole("c"), "'a/b/1/c' of the answer is '1'"),
        (lambda fields: fields.text("other"), "no 'other'"),
        (lambda fields: fields.text("none"), "is None, not a text"),
        (lambda fields: fields.whole("f"), "is False"),
        (lambda fields: fields.number("f"), "a finite number"),
        (lambda fields: fields.flag("n"), "true or false"),
        (lambda fields: fields.wholes("ids", 1, 3), "'ids/0'"),
        (lambda fields: fields.wholes("ids", 0, 2), "from 0 to 2"),
        (lambda fields: fields.one_of("t", ("no", "maybe")), "one of no, maybe"),
        (lambda fields: fields.inner("t"), "an object"),
        (lambda fields: fields.objects("ids"), "'ids/0' of the answer is 0, not an object"),
        (lambda fields: Fields([1], "s"), "an object"),
        (lambda fields: Fields({"x": "\x1b" * 500}, "s").flag("x"), "true or false"),
    ],
)
def test_other_types_are_one_line(ask, words):
    with pytest.raises(ServerFailed) as raised:
        ask(Fields(READ, "s"))
    said = str(raised.value)
    assert words in said and said.startswith("s: ") and len(said.splitlines()) == 1 and len(said) < 300
