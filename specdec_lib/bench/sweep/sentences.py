"""What a sweep says where something is wrong: one line each, that names the place and what to do."""

from __future__ import annotations

NO_FILE = "sweep: {} cannot be read: {}; name a YAML file, or one of {}"
NO_YAML = "sweep: {}: {}"
NO_MAPPING = "sweep: {} holds {}, not settings such as 'pairs: [pocket]'"
UNKNOWN_KEY = "sweep: {}: unknown setting '{}'; {}"
NOT_ACCEPTED = "sweep: {}: {} {}"
MEANT = "did you mean '{}'?"
THERE_ARE = "there are {}"
TWICE = "'{}' is given twice (line {})"
REPEATED = "holds {!r} twice; give each value once"
NO_NAME_OF_A_FOLDER = "is {!r}; give a name that a folder can have"
UNKNOWN_AXIS = "names the axis {!r}; {}"
NOTHING_LEFT = "{}: no cell is left after what is excluded"
NO_DRAFT = "a target of one's own needs a draft: name it there, or on the axis 'drafts'"
TOO_LARGE = "needs {:.1f} GiB, and {:.1f} of {:.1f} GiB are free"
CELL = "sweep: cell {} ({}): {}"

ANOTHER_RUNS = "{} is in use: another process runs this sweep; wait for it, or choose another --output"
NOT_SAVED = "the sweep cannot be saved in {}: {}; make room or choose another --output, then start again"
ANOTHER_FOLDER = "{} holds files that are no sweep's; choose another --output"
LIBRARY_CHANGED = (
    "the library's files were changed while the sweep ran, so nobody knows what its last cell ran; it is not "
    "kept, start again"
)
NOT_ON_THE_AXIS = "{}: exclude names {!r} on the axis {}; there are {}"
