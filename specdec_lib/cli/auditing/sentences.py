"""What is said of an audit, and what is refused before one."""

from __future__ import annotations

IS_IT_EXACT = "Is {} exact?"
LOCAL_ENGINE = {"ours": "specdec_lib with a draft", "plain": "specdec_lib without a draft"}
BEHIND_PROMPT = "behind a prompt of {} tokens, temperature {:g}, top-k {}"
NO_ENGINE = (
    "'{}' names no engine; give hf:MODE, http://HOST:PORT, module:callable, ours or plain "
    "(see specdec audit --help)"
)
NO_SCHEME = "'{name}' names no engine; did you mean http://{name}?"
NEEDS_PLAIN = (
    "auditing {} takes plain decoding of the same engine as its control: start it once more without its "
    "draft, and give that address by --plain"
)
SAME_SERVER = (
    "{} cannot be its own control, from which it never differs: start it once more without its draft, and "
    "give that address by --plain"
)
IDS_NEED_WEIGHTS = (
    "{} is a function, which is given its prompts as ids: name the weights that it decodes, whose tokenizer "
    "makes them, by --target or --pair"
)
EXACT_SERVER = (
    "--exact sums over what an engine draws in this process, and a server draws in its own; use --count"
)
EXACT_NEEDS_WEIGHTS = "--exact {} needs the law to hold it against: name the weights by --target or --pair"
AUDIT_TEMPERATURE = (
    "--temperature is {:g}; a law takes a finite one above 0, and --greedy compares texts at 0"
)
AUDIT_MINUTES = "--minutes is not a number; give how long to ask, or inf for as long as it takes"
GREEDY_TAKES_TWO = "--greedy compares two engines; name the other behind the first"
TWO_ARE_GREEDY = "two engines are compared at temperature 0, with --greedy; else name one, and its --plain"
CHATS_NEED_WEIGHTS = "chats are put into words by a model's template: name the weights by --target"
NO_LAW_TOLD = "the law is not told, so that only both engines are compared: {}"
TAKES_NO_TEMPERATURE = (
    "{} takes no temperature: it is judged at 1; name another by -t if it decodes at another"
)
IS_NOT_TOLD = "{} takes no {}, and was not told that it is {}: it is judged as if it did so of itself"
NEEDS_TOP_K = (
    "--exact cuts the law to its likeliest tokens, and {} takes no top_k: let it take the keyword top_k, or "
    "name by --top-k what it cuts to of itself"
)
NOT_TOLD_WHETHER_DRAFTED = (
    "{} does not tell whether anything was drafted: this holds of its answers, drafted or not; its log tells "
    "it, or its /metrics, which specdec explain --from URL reads"
)
NONE_ACCEPTED = (
    "{} drafted {} tokens and accepted none: what it does behind one that is accepted was not tried; name "
    "other prompts by --prompts, which it drafts well behind"
)
NO_ANSWER_IN_TIME = "{} gave too few answers to say anything within {:g} minutes; does it return?"
JUDGED_IN = (
    "judged by the weights of {} in {}; name what the engine computes in, if it is another, by --dtype"
)
