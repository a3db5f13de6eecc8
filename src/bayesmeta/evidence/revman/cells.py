"""Cells of a RevMan file under the names of its XML attributes: hostile until read."""

import html
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from bayesmeta.errors import InputError
from bayesmeta.evidence.table import COUNT, LARGEST, NUMBER, Rule

NOT_NEGATIVE = Rule(lambda x: x >= 0, "0 or more is expected")


@dataclass(frozen=True, slots=True)
class Cells:
    """The cells of one outcome, subgroup or study.

    Parameters
    ----------
    values : mapping of str to str
        By the name of RevMan 5's XML attribute (``TOTAL_1``) or child element (``NAME``).
    place : str
        Where they are, for messages: ``"Fox 1990 in CMP-001.01 of review.rm5"``.
    printed : mapping of str to str
        The name in the file of a cell that is called otherwise there.
    """

    values: Mapping[str, str]
    place: str
    printed: Mapping[str, str] = field(default_factory=dict)

    def text(self, name: str) -> str:
        """Return the text without markup, on one line; ``""`` where there is none."""
        return plain(self.values.get(name, ""))

    def number(self, name: str, rule: Rule = NUMBER) -> float | None:
        """Return a finite number that obeys the rule, None where the cell is empty."""
        text = self.values.get(name, "").strip()
        if not text:
            return None
        value = _number(text)
        if value is None or not abs(value) < LARGEST:
            raise self.wrong(name, "a number is expected")
        if not rule.holds(value):
            raise self.wrong(name, rule.expected)
        return value

    def count(self, name: str) -> float | None:
        """Return a whole number of patients, None where the cell is empty."""
        return self.number(name, COUNT)

    def result(self, name: str) -> float | None:
        """Return a stored number; None where RevMan wrote nothing, NaN or Infinity."""
        text = self.values.get(name, "").strip()
        if not text or text.casefold() == "not estimable":
            return None
        value = _number(text)
        if value is None:
            raise self.wrong(name, "a number is expected")
        return value if math.isfinite(value) else None

    def whole(self, name: str) -> int | None:
        """Return the whole number that the text is, None where it is none."""
        digits = self.text(name).removesuffix(".0").removesuffix(".")
        return int(digits) if re.fullmatch("[0-9]{1,9}", digits) else None

    def yes(self, name: str) -> bool | None:
        """Return what a ``YES``, ``NO``, ``true`` or ``false`` says, None where it is empty."""
        word = self.text(name).casefold()
        if word in {"yes", "true"}:
            return True
        if word in {"no", "false"}:
            return False
        if word:
            raise self.wrong(name, "YES or NO is expected")
        return None

    def level(self, name: str) -> float:
        """Return the level of an interval, given in per cent; 0.95 where it is empty."""
        text = self.text(name).removesuffix("%").strip()
        value = _number(text) if text else 95.0
        if value is None or not 0 < value < 100:
            raise self.wrong(name, "a level in per cent, such as 95, is expected")
        return value / 100

    def wrong(self, name: str, expected: str) -> InputError:
        """Return the error of one cell."""
        text = self.text(name)
        found = repr(text[:60]) if text else "missing"
        return InputError(f"{self.printed.get(name, name)} is {found} in {self.place}: {expected}")


def plain(text: str) -> str:
    r"""Return text without markup, control characters and line breaks.

    RevMan files say ISO-8859-1 and hold the quotes and dashes of Windows-1252.

    Examples
    --------
    >>> plain("Aged &lt;b&gt;5 \x96 12&lt;/b&gt;\n years &amp;lt; 40 kg")
    'Aged 5 – 12 years < 40 kg'
    """
    if text.isascii() and text.isprintable() and not ("&" in text or "<" in text):
        return " ".join(text.split())
    once = _TAG.sub(" ", html.unescape(text))
    spaced = " ".join(html.unescape(once).translate(_WINDOWS).split())
    return "".join(c for c in spaced if c.isprintable())


_TAG = re.compile(r"</?[A-Za-z][^<>]*>")
_WINDOWS = {code: bytes([code]).decode("cp1252", "ignore") for code in range(0x80, 0xA0)}
_THOUSANDS = re.compile(r"[-+]?\d{1,3}(,\d{3})+(\.\d+)?")


def _number(text: str) -> float | None:
    if _THOUSANDS.fullmatch(text):
        text = text.replace(",", "")
    try:
        return None if "_" in text else float(text)
    except ValueError:
        return None
