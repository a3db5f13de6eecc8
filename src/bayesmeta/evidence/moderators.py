"""Moderators: a formula over the columns of a table becomes a design matrix, by formulaic."""

import re
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from bayesmeta.arrays import Array
from bayesmeta.errors import InputError, did_you_mean
from bayesmeta.evidence.study import Pool
from bayesmeta.evidence.table import LARGEST, MISSING

if TYPE_CHECKING:
    import pandas as pd

type Value = float | str

INTERCEPT = "Intercept"


@dataclass(frozen=True)
class Moderators:
    """A formula, and what it makes of the studies of a pool.

    Attributes
    ----------
    formula : str
    names : tuple of str
        Of the columns of the design matrix.
    design : ndarray, shape (k, p)
    values : mapping of str to tuple
        The columns of the table that the formula uses: numbers, or the words of a factor.
    """

    formula: str
    names: tuple[str, ...]
    design: Array
    values: Mapping[str, tuple[Value, ...]]
    _spec: Any

    def levels(self, name: str) -> tuple[str, ...]:
        """Return the words of a factor, sorted; none of a column of numbers."""
        values = self.values[name]
        return tuple(sorted({value for value in values if isinstance(value, str)}))

    def rows(self, points: Sequence[Mapping[str, Value]]) -> Array:
        """Return the design at values of the moderators, shape (len(points), p).

        Raises
        ------
        InputError
            Where a point lacks a moderator, names another, or has an unknown level of a factor.
        """
        import pandas as pd
        from formulaic.errors import DataMismatchWarning

        for point in points:
            self._check(point)
        frame = pd.DataFrame({name: [point[name] for point in points] for name in self.values})
        if not self.values:
            frame = pd.DataFrame(index=range(len(points)))
        with warnings.catch_warnings():
            warnings.simplefilter("error", DataMismatchWarning)
            try:
                matrix = self._spec.get_model_matrix(frame, context={})
            except DataMismatchWarning as error:
                raise InputError(
                    f"a prediction at a level that no study has: {_first_line(error)}"
                ) from None
        return np.asarray(matrix, dtype=float)

    def _check(self, point: Mapping[str, Value]) -> None:
        for name in point:
            if name not in self.values:
                raise InputError(f"{name!r} is no moderator: {did_you_mean(name, self.values)}")
        for name in self.values:
            if name not in point:
                raise InputError(f"a prediction needs a value of {name}: it is in {self.formula}")
            levels = self.levels(name)
            if levels and point[name] not in levels:
                hint = did_you_mean(str(point[name]), levels)
                raise InputError(f"{name} is {point[name]!r}: {hint}")
            if not levels and isinstance(point[name], str):
                raise InputError(f"{name} is {point[name]!r}: a number is expected")


def moderators(pool: Pool, formula: str, source: str) -> Moderators:
    """Read a formula such as ``~ latitude + C(allocation)`` over the columns of a pool's table.

    Columns whose every cell is a number are numbers, others are factors, whose first level in
    alphabetical order is the reference.

    Parameters
    ----------
    pool : Pool
    formula : str
    source : str
        The table, for messages.

    Raises
    ------
    InputError
        For a formula that cannot be read or names no column, and for a study without a value.

    References
    ----------
    Wilkinson and Rogers (1973), Applied Statistics 22:392, for the language of formulas.
    """
    from formulaic import Formula
    from formulaic.errors import FormulaicError

    frame = _frame(pool)
    try:
        parsed = Formula(formula)
    except (FormulaicError, SyntaxError) as error:
        raise InputError(f"formula is {formula!r}: {_first_line(error)}") from None
    if "|" in formula:
        raise InputError(f"formula is {formula!r}: one part is expected, without '|'")
    if not hasattr(parsed, "required_variables") or hasattr(parsed, "lhs"):
        raise InputError(
            f"formula is {formula!r}: the effect is its left side, so expected the like of "
            f"'~ latitude'"
        )
    _refuse_unknown(formula, parsed.required_variables, frame, source)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            matrix = parsed.get_model_matrix(frame, context={}, na_action="ignore")
    except (FormulaicError, ArithmeticError, TypeError, ValueError, NameError) as error:
        unknown = re.findall(r"[`']([^`']+)[`'] is not (?:present|defined)", str(error))
        _refuse_unknown(formula, unknown, frame, source)
        raise InputError(f"formula is {formula!r}: {_first_line(error)}") from None
    used = [name for name in frame.columns if name in matrix.model_spec.required_variables]
    _refuse_missing(pool, formula, used)
    design = np.asarray(matrix, dtype=float)
    if not design.shape[1]:
        raise InputError(f"formula is {formula!r}: a column or an intercept, '~ 1', is expected")
    usable = np.abs(design) < LARGEST
    if not usable.all():
        row, column = np.argwhere(~usable)[0]
        raise InputError(
            f"formula is {formula!r}: {matrix.columns[column]} of {pool.studies[row]} is no "
            f"finite number, or too large a one"
        )
    values = {name: tuple(frame[name].tolist()) for name in used}
    return Moderators(formula, tuple(map(str, matrix.columns)), design, values, matrix.model_spec)


def _frame(pool: Pool) -> "pd.DataFrame":
    """Return the columns of the pool's table: numbers where every cell is one, else words."""
    import pandas as pd

    columns: dict[str, Any] = {}
    for name, cells in pool.cells.items():
        present = [cell for cell in cells if cell not in MISSING]
        try:
            numbers = [float(cell) if cell not in MISSING else np.nan for cell in cells]
            columns[name] = numbers if present else list(cells)
        except ValueError:
            columns[name] = [cell if cell not in MISSING else None for cell in cells]
    return pd.DataFrame(columns)


def _refuse_unknown(formula: str, names: Any, frame: "pd.DataFrame", source: str) -> None:
    for name in sorted(map(str, names)):
        if name not in frame.columns:
            hint = did_you_mean(name, list(frame.columns))
            raise InputError(f"formula is {formula!r}: {source} has no column {name!r}: {hint}")


def _refuse_missing(pool: Pool, formula: str, used: Sequence[str]) -> None:
    for name in used:
        for study, cell in zip(pool.studies, pool.cells[name], strict=True):
            if cell in MISSING:
                raise InputError(
                    f"formula is {formula!r}: {name} of {study} is missing: a value is expected, "
                    f"or leave the study out"
                )


def _first_line(error: Exception) -> str:
    plain = re.sub(r"\x1b\[[0-9;]*m|[⧛⧚]", "", str(error))
    return plain.strip().splitlines()[0] if plain.strip() else type(error).__name__
