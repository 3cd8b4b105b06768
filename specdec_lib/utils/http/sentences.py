"""Every sentence about asking a server: templates, filled by ``format`` in the order of their braces."""

from __future__ import annotations

# -- an address ------------------------------------------------------------------------------------

NO_ADDRESS = "'{}' is no address of a server ({}); pass one such as http://127.0.0.1:8080"
NOT_HTTP = "it begins with neither http:// nor https://"
NO_HOST = "it names no host"
LONG_HOST = "its host's name is too long"
NO_PORT = "its port is no number from 1 to 65535"
ODD_CHARACTERS = "it holds a space or a control character"
ODD_ADDRESS = "its host or path is malformed"
ODD_KEY = "{} holds a character that no header can carry; set the key alone, without quotes or line ends"
NO_LIMIT = "HTTP limits: {} is {}; pass a number above 0"

# -- nothing came ----------------------------------------------------------------------------------

NOT_REACHED = "{} {}: {}; is the server running there?"
CANNOT_CONNECT = "no connection ({})"
WITHOUT_TLS = "{} {}: it answers without TLS; use http://"
HUNG_UP = "{} {}: the server hung up ({}); read its log, or ask again"
NO_ANSWER = "{} {}: no answer within {:g} s; is it busy? allow more time, or ask for less"
TOO_SLOW = "{} {}: not done within {:g} s, {} bytes came; allow more time, or ask for less"

# -- what came is no answer ------------------------------------------------------------------------

STATUS = "{} {}: status {}: {}; {}"
NO_WORDS = "without a word"
REDIRECTED = "{} {}: status {} sends elsewhere ('{}'), and nothing is sent there; pass the final address"
TOO_LONG = "{} {}: more than {} bytes came, and the rest was not read; ask for less, or allow more"
ENCODED = "{} {}: the answer is encoded ('{}'), which was not asked for; switch the encoding off"
NOT_TEXT = "{} {}: the answer is no text in UTF-8 ('{}'); is it the server that was meant?"
NOT_JSON = "{} {}: the answer is no sound JSON ({}): '{}'; is it the server that was meant?"
SEND_NO_JSON = "POST {}: what is to be sent is no JSON ({}); pass plain values, numbers finite"

READ_ITS_LOG = "read the server's log"
CHECK_THE_KEY = "set {} to a key that it takes"
CHECK_THE_PATH = "the server has no such path"
CHECK_THE_REQUEST = "the server refuses this request"
ASK_LATER = "it is busy or still loading; ask again later"

# -- what is wrong with a document -----------------------------------------------------------------

EMPTY = "it is empty"
A_PAGE = "it is a page of HTML"
CUT = "it ends or goes wrong at character {}"
NAMED_TWICE = "the field '{}' comes twice"
NOT_A_NUMBER = "{} is no number"
TOO_MANY_DIGITS = "a number of {} digits"
BEYOND_A_FLOAT = "the number {} is beyond what a float holds"
TOO_DEEP = "it is nested more than {} deep"
