"""What is said of another engine's numbers: why they cannot be read, and what they leave out."""

# -- what cannot be read ---------------------------------------------------------------------------

NO_COUNT = "{}: {} is {}; a count is a whole number >= 0"
NO_TIME = "{}: {} is {}; a time is a finite number >= 0"
NO_LIST = "{}: {} is {}; it is a list of at most {} whole numbers >= 0"
MISSING = "{}: {} has no {}; give the answer whole"
TOO_LONG = "{} is larger than {} MiB; cut it, or take a scrape of /metrics"
TOO_MANY = "{} holds more than {} answers; give fewer"
NOT_TEXT = "{} is no text in UTF-8"
NO_METRICS = (
    "{} tells no metrics (status {} of /metrics); start llama.cpp's server with --metrics and SGLang's with "
    "--enable-metrics, or save an answer or the log to a file and give that"
)
A_FOLDER = "{} is a folder; give a file"
NO_SCHEME = "there is no file {name}; did you mean http://{name}?"
UNREADABLE = "{} cannot be read: {}"
UNKNOWN = (
    "{} holds nothing that is known of vLLM, SGLang, llama.cpp or OpenVINO GenAI: no counters of /metrics, "
    "no answer with timings, no line of a log about drafts"
)
A_PAGE = (
    "{} is a page of HTML, which tells no counters; give the address of the server itself, or of its /metrics"
)
BAD_LINE = "{}, line {}: '{}' is no line of Prometheus' text format"
CUT_LINE = "{} ends in the middle of line {}: the scrape is cut; take it again"
OTHER_LABELS = "{}: {} has other labels than the other counters: the scrape is cut or filtered; take it whole"
BAD_POSITION = "{}: positions are 0, 1, 2, …, each once an engine; it has position '{}'"
BAD_COUNTS = "{}: {}"
FELL = "{}: {} fell from {:g} to {:g}: the server was started anew between the two; take both from one run"
GONE = "{}: {} is not there any more; give two scrapes of one server, the earlier first"
OF_TWO_ENGINES = "{} is of {}, and {} of {}; give two scrapes of one server, the earlier first"
NOT_COUNTERS = "{} is no scrape of /metrics; two files are subtracted, and only counters can be"
NO_SPECULATION = "{} has no counters of speculation ({}); is the server started with a draft?"
NOT_DRAFTED = "{} tells of {}, and of no draft in it; is the server started with one?"
NOT_DIVISIBLE = "{} drafted tokens are no whole number of drafts of {}; leave --k out"

# -- what its counters leave out -------------------------------------------------------------------

SINCE_START = "counters are since the server's start: the load before your runs is in them; give two scrapes"
ADDED_UP = "{} sets of labels are added up"
NO_PLAIN_ROUNDS = "rounds that drafted nothing are not counted"
BEHIND_THE_END = "draft tokens accepted behind an end of text are counted, and not emitted"
CUT_TOKENS = "tokens behind an end of text are left out"
ONE_MOMENT = "{} do not fit the other counts, as in a scrape between two increments; they are left out"
SIX_DIGITS = "counters of a million and more are printed to six digits"
ROUNDS_FROM_MEAN = "drafts are accepted / (mean length - 1), which is printed to {} decimals"
ROUNDS_FROM_TOKENS = "rounds are tokens less accepted ones: those without a draft are among them"
NOT_ROUNDS = "drafts are not counted: an answer tells tokens alone; --k N takes each draft as N tokens"
TAKEN_AS = "each draft is taken as {} tokens, as --k says"
STEP_OF_A_ROUND = "vLLM's inter-token latency is one number a round, not one a token"
FIRST_TOKEN_TIMED = "the first token of an answer is counted, and its time is the prompt's"
ACCEPTED_DERIVED = "accepted tokens are tokens less rounds and first tokens; {}"
A_TREE = (
    "{} nodes of a tree are verified a round, of which {} can be accepted at most: no rate of nodes is told"
)
INTERVAL_ALONE = "a line of the log holds the rates of its interval and no counts: the last line is taken"
LAST_OF_A_STREAM = "of a stream the last part is taken, which has the totals"
REPLAYS = (
    "where the context cannot be rolled back (sliding window, recurrent) older builds count drafts twice"
)
ALL_OF_A_BATCH = "counters of a batch are the batch's, repeated in each result"
