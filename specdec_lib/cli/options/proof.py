"""What ``specdec verify`` tries."""

from __future__ import annotations

from typing import Annotated

from specdec_lib.cli.options.base import option

_PROOF = "Proof"
VerifyTemperature = Annotated[
    float, option(_PROOF, "T", "--temperature", "-t", help="Of what is sampled, above 0.")
]
Samples = Annotated[
    int,
    option(
        _PROOF, "N", "--samples", help="Continuations for the joint law; more see smaller deviations.", min=1
    ),
]
VerifyTokens = Annotated[
    int, option(_PROOF, "N", "--tokens", "-n", help="Tokens of each longer text.", min=2)
]
VerifySeed = Annotated[int, option(_PROOF, "N", "--seed", help="Everything random follows from it.", min=0)]
MutantName = Annotated[
    str | None,
    option(_PROOF, "NAME", "--mutant", help="Put a decoder that is wrong on purpose on trial."),
]
Mutants = Annotated[
    bool, option(_PROOF, None, "--mutants", help="Try every mutant and control on small table models.")
]
Seeds = Annotated[int, option(_PROOF, "N", "--seeds", help="Seeds for --mutants.", min=1)]
