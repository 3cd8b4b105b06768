"""The options of the commands, each with its help, as types to annotate parameters with.

Ranges that a number alone decides are checked here; everything else is refused by the library, whose message
names the value. No command and no model is known here.
"""

# ruff: noqa: F403
from specdec_lib.cli.options.audit import *
from specdec_lib.cli.options.declaring import *
from specdec_lib.cli.options.decoding import *
from specdec_lib.cli.options.exporting import *
from specdec_lib.cli.options.measuring import *
from specdec_lib.cli.options.models import *
from specdec_lib.cli.options.report import *
from specdec_lib.cli.options.results import *
from specdec_lib.cli.options.sweeps import *
