"""Ids to text and back: nothing is taken from a text, whatever the decoder strips, joins or merges."""

from __future__ import annotations

import random
from functools import partial

import pytest
from tiny_models import tiny_pair
from tiny_tokenizers import SPECIAL, TOKENIZERS, byte_level, lower_case, metaspace, with_template

from specdec_lib.errors import InvalidArgument
from specdec_lib.models.text.ids import TokenText, behind, decoded, encode_chat, encoded, first_to_complete
from specdec_lib.models.wrapper import ModelWrapper


@pytest.fixture(params=TOKENIZERS)
def tokenizer(request):
    return TOKENIZERS[request.param]()


def decode_of(tokenizer, skip_special_tokens: bool = True):
    return partial(decoded, tokenizer, skip_special_tokens=skip_special_tokens)


def slow_first(decode, before, emitted, new_ids, texts) -> int | None:
    """The same question of the whole text."""
    start = decode(before)
    for count in range(1, len(new_ids) + 1):
        whole = decode([*before, *emitted, *new_ids[:count]])
        same = 0
        while same < min(len(start), len(whole)) and start[same] == whole[same]:
            same += 1
        if any(text in whole[same:] for text in texts):
            return count
    return None


def random_ids(tokenizer, rng, count: int) -> list[int]:
    """Ids of words, letters and special tokens, and now and then the bytes of a longer character."""
    words = [number for piece, number in tokenizer.get_vocab().items() if not piece.startswith("<0x")]
    ids: list[int] = []
    while len(ids) < count:
        longer = tokenizer(rng.choice("é漢🙂"), add_special_tokens=False)["input_ids"]
        ids += longer if rng.random() < 0.3 else [rng.choice(words)]
    return ids


def test_a_stop_is_found_where_a_search_of_the_whole_text_finds_it(tokenizer):
    """Random continuations; stops are cut out of what follows, so that most are found, across all borders."""
    rng, decode, found = random.Random(0), decode_of(tokenizer, False), 0
    for _ in range(400):
        before, emitted, new = (random_ids(tokenizer, rng, rng.randint(1, most)) for most in (9, 40, 7))
        added = behind(decode, [*before, *emitted], new).strip("\ufffd") or "q"
        begin = rng.randrange(len(added))
        stop = added[begin : begin + rng.randint(1, 6)]
        if "\ufffd" in stop or slow_first(decode, before, [], emitted, [stop]):
            continue  # decoding would have ended before
        expected = slow_first(decode, before, emitted, new, [stop])
        assert first_to_complete(decode, before, emitted, new, [stop]) == expected, (
            before,
            emitted,
            new,
            stop,
        )
        found += expected is not None
    assert found > 40


def test_a_token_costs_the_same_wherever_it_stands():
    tokenizer, lengths = byte_level(), []

    def decode(ids):
        lengths.append(len(ids))
        return decoded(tokenizer, ids, False)

    most = []
    for emitted in (50, 5000):
        lengths.clear()
        first_to_complete(decode, [5], [40] * emitted, [40] * 4, ["never", "\nUser:"])
        most.append((len(lengths), max(lengths)))
    assert most[0] == most[1] and most[0][0] <= 9 and most[0][1] < 30


def test_a_stop_behind_many_pieces_that_show_nothing_is_found():
    """Byte pieces are a quarter of a character each: the window is measured in characters."""
    tokenizer = metaspace()
    ids = [tokenizer.convert_tokens_to_ids(f"<0x{byte:02X}>") for byte in "🙂🙂🙂🙂🙂🙂🙂🙂".encode()]
    assert first_to_complete(decode_of(tokenizer, False), [], ids[:-1], ids[-1:], ["🙂" * 8]) == 1


def test_pieces_of_a_stream_are_what_the_ids_add_to_the_prompts_text(tokenizer):
    rng, decode = random.Random(1), decode_of(tokenizer)
    for _ in range(100):
        before, ids = random_ids(tokenizer, rng, rng.randint(1, 12)), random_ids(tokenizer, rng, 30)
        stream = TokenText(decode, before)
        pieces = [stream.add(number) for number in ids]
        assert "".join(pieces) + stream.flush() == behind(decode, before, ids)


def test_the_space_in_front_of_a_continuation_stays():
    """FAULTS 10: `the catsat`."""
    tokenizer = metaspace()
    before, ids = tokenizer.convert_tokens_to_ids(["▁the", "▁cat"]), tokenizer.convert_tokens_to_ids(["▁sat"])
    decode = decode_of(tokenizer)
    assert decode(ids) == "sat" and behind(decode, before, ids) == " sat"
    assert first_to_complete(decode, before, [], ids, [" sat"]) == 1


def test_a_token_by_itself_reads_as_within_a_text(tokenizer):
    """For displays: a leading space stays, special tokens have names, a letter that repeats is not merged."""
    wrapper = ModelWrapper(tiny_pair("llama")[0].model, tokenizer)
    texts = {piece: wrapper.token_text(number) for piece, number in tokenizer.get_vocab().items()}
    assert "turn" in texts[SPECIAL] and "</s>" in texts["</s>"]
    spelt = {
        "▁cat": " cat",
        "▁": " ",
        "Ġc": " c",
        "cat": {True: " cat"}.get("##s" in texts, "cat"),
        "##s": "s",
        "a": "a",
    }
    for piece, text in spelt.items():
        assert texts.get(piece, text) == text


def test_context_of_special_tokens_alone_is_passed_over():
    tokenizer = metaspace()
    before = tokenizer.convert_tokens_to_ids(["▁the", *[SPECIAL] * 9])
    assert behind(decode_of(tokenizer), before, tokenizer.convert_tokens_to_ids(["▁cat"])) == " cat"


def test_a_character_that_the_prompt_left_half_done_is_shown():
    """Also by a stream, one token at a time, and where its last byte changes what was shown."""
    tokenizer = metaspace()
    before = tokenizer.convert_tokens_to_ids(["▁the", "<0xE6>", "<0xBC>"])
    last = tokenizer.convert_tokens_to_ids("<0xA2>")
    decode = decode_of(tokenizer)
    assert behind(decode, before, [last]) == "漢" == TokenText(decode, before).add(last)


def test_bytes_that_never_become_a_character_hold_nothing_back_for_ever():
    tokenizer, calls = byte_level(), []

    def decode(ids):
        calls.append(len(ids))
        return decoded(tokenizer, ids)

    bad = tokenizer.convert_tokens_to_ids("ÿ")
    stream = TokenText(decode, [40])
    pieces = [stream.add(bad) for _ in range(300)]
    assert "".join(pieces) + stream.flush() == "\ufffd" * 300
    assert max(calls) < 64


@pytest.mark.parametrize("text", ["cat", " cat é\n", "<s>cat", "<s><s>cat", "cat</s>", "<|turn|>cat", ""])
@pytest.mark.parametrize("template", ["$A", "<s> $A", "$A </s>", "<s> $A </s>", "<|turn|> <s> $A"])
def test_a_prompt_begins_as_texts_begin_once_and_does_not_end_as_they_end(template, text):
    """FAULTS 21, with whatever the tokenizer puts around a text."""
    tokenizer = with_template(template)
    names = [name for name in template.split(" $A")[0].split() if name != "$A"]
    front = [tokenizer.convert_tokens_to_ids(name) for name in names]
    if template.startswith("$A"):
        front = []
    own = tokenizer(text, add_special_tokens=False)["input_ids"]
    expected = own if front and own[: len(front)] == front else [*front, *own]
    assert encoded(tokenizer, text) == expected


def test_a_normalizer_takes_part():
    tokenizer = lower_case()
    assert encoded(tokenizer, "THE Cat") == tokenizer.convert_tokens_to_ids(["the", "cat"])


TEMPLATE = "<s>{% for m in messages %}<|turn|>{{ m['role'] }}:{{ m['content'] }}{% endfor %}" + (
    "{% if add_generation_prompt %}<|turn|>assistant:{% endif %}"
)


def test_a_chat_is_written_by_the_template_once_and_ends_where_the_answer_begins():
    tokenizer = with_template("<s> $A </s>")
    tokenizer.chat_template = TEMPLATE
    text = decoded(tokenizer, encode_chat(tokenizer, "hi"), False)
    assert text == "<s><|turn|>user:hi<|turn|>assistant:"
    turns = [{"role": "system", "content": "be brief"}, {"role": "user", "content": "hi"}]
    assert "system:be brief<|turn|>user:hi" in decoded(tokenizer, encode_chat(tokenizer, turns), False)
    expected = tokenizer.apply_chat_template(turns, add_generation_prompt=True, tokenize=True)
    assert encode_chat(tokenizer, turns) == list(expected["input_ids"])


@pytest.mark.unchecked  # annotations refuse most of them too
@pytest.mark.parametrize("messages", [[], [{"content": "x"}], ["hi"], [3]])
def test_messages_that_are_none_are_refused(messages):
    tokenizer = byte_level()
    tokenizer.chat_template = TEMPLATE
    with pytest.raises(InvalidArgument, match="pass a text, or messages"):
        encode_chat(tokenizer, messages)


def test_no_template_and_a_template_that_refuses_are_one_line():
    tokenizer = byte_level()
    with pytest.raises(InvalidArgument, match="no chat template"):
        encode_chat(tokenizer, "hi")
    tokenizer.chat_template = "{{ raise_exception('roles must alternate') }}"
    with pytest.raises(InvalidArgument, match="roles must alternate"):
        encode_chat(tokenizer, "hi")


@pytest.mark.parametrize(
    ("template", "said"),
    [
        ("{% for m in messages %}\n{{ m.content }}\n", "TemplateSyntaxError: Unexpected end"),
        ("{{ messages[0]['content'] / 2 }}", "TypeError"),
        ("{{ ''.__class__.__mro__[1].__subclasses__() }}", "SecurityError"),
        ("{% for i in range(10**9) %}{% endfor %}", "OverflowError"),
        ("{% macro again() %}{{ again() }}{% endmacro %}{{ again() }}", "RecursionError"),
        ("{{ raise_exception('first\nsecond') }}", "first second"),
    ],
)
def test_a_template_is_code_of_somebody_elses_and_its_errors_are_one_line(template, said):
    tokenizer = byte_level()
    tokenizer.chat_template = template
    with pytest.raises(InvalidArgument, match=f"template refuses the messages .*{said}") as caught:
        encode_chat(tokenizer, "hi")
    assert "\n" not in str(caught.value)
