"""What a user is told when the input cannot be used."""

import difflib
from collections.abc import Iterable


class InputError(ValueError):
    """The input cannot be used; the message is one line for the person who wrote it.

    It names the file, row and column (or the key), what was found, what is expected, and the
    likely fix where there is one.
    """


def did_you_mean(word: str, choices: Iterable[str]) -> str:
    """Return a sentence that offers the nearest of the choices, or lists them all.

    Examples
    --------
    >>> did_you_mean("half-norml", ["half-normal", "half-cauchy"])
    "did you mean 'half-normal'?"
    >>> did_you_mean("zzz", ["OR", "RR"])
    'expected one of: OR, RR'
    """
    known = list(choices)
    folded = {choice.casefold(): choice for choice in known}
    near = difflib.get_close_matches(word.casefold(), folded, n=1)
    return f"did you mean {folded[near[0]]!r}?" if near else f"expected one of: {', '.join(known)}"
