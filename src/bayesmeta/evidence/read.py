"""A user's own table, without an analysis file."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from bayesmeta.errors import InputError, did_you_mean
from bayesmeta.evidence.layouts import layout_of
from bayesmeta.evidence.pooling import keys_of, pools_of
from bayesmeta.evidence.study import Convention, Direction, Evidence
from bayesmeta.evidence.table import Table, read_table, table_of_columns

CONVENTIONS: tuple[Convention, ...] = ("metafor", "revman5")
DIRECTIONS: tuple[Direction, ...] = ("lower", "higher")


def evidence_from_table(
    data: str | Path | Mapping[str, Iterable[Any]],
    *,
    measure: str | None = None,
    direction: str | None = None,
    name: str | None = None,
    convention: Convention = "metafor",
    repeats: bool = False,
) -> Evidence:
    """Read a table of studies.

    One row is one study, at one time where there is a column ``time`` and of one outcome where
    there is a column ``outcome``. ``study`` is needed, and one of

    - ``estimate`` and ``se`` or ``variance``, on the log scale for ratio measures;
    - ``estimate`` and ``ci_low, ci_high`` (95 %) or ``p``, on the ratio scale for ratio measures;
    - ``events_treatment, n_treatment, events_control, n_control``;
    - ``mean_treatment, sd_treatment, n_treatment, mean_control, sd_control, n_control``.

    ``year``, ``status``, ``note`` and, with estimates, ``n`` or ``n_treatment, n_control`` are
    used where they are.

    Parameters
    ----------
    data : path or mapping
        A CSV file, or columns by name.
    measure : str, optional
        OR, RR, RD from events; MD, SMD, ROM from arms; any measure for estimates, which are GEN,
        taken as given, without one.
    direction : {"lower", "higher"}, optional
        Which is better.
    name : str, optional
        Of the outcome; the file's by default.
    convention : {"metafor", "revman5"}
    repeats : bool
        Whether a study may have several rows: effects within studies.

    Returns
    -------
    Evidence

    Raises
    ------
    InputError
        One line that names file, row and column, what was found and what is expected.

    Examples
    --------
    >>> schools = {"study": ["A", "B"], "estimate": [28.39, 7.94], "se": [14.9, 10.2]}
    >>> evidence_from_table(schools, name="schools").pools[0].y
    array([28.39,  7.94])
    """
    better = _known(direction, DIRECTIONS, "direction") if direction is not None else None
    rules = _known(convention, CONVENTIONS, "convention")
    table = _table(data, name)
    name = name or (Path(data).stem if isinstance(data, (str, Path)) else "data")
    layout, of_measure = layout_of(table, measure)
    effects = layout.effects(table, of_measure, rules)
    keys = keys_of(table, name, "time")
    pools, left_out = pools_of(table, effects, keys, of_measure, repeats=repeats)
    return Evidence(
        name=name,
        title=name,
        measure=of_measure,
        direction=better,
        unit="",
        time_unit="",
        convention=rules,
        controlled=of_measure.name != "MC",
        mu=None,
        tau=None,
        prior_reason="",
        source=table.source,
        pools=pools,
        left_out=left_out,
    )


def _table(data: str | Path | Mapping[str, Iterable[Any]], name: str | None) -> Table:
    if isinstance(data, (str, Path)):
        return read_table(data)
    return table_of_columns(data, name or "the data")


def _known[Name: str](found: str, choices: tuple[Name, ...], what: str) -> Name:
    for choice in choices:
        if choice == found:
            return choice
    raise InputError(f"unknown {what} {found!r}: {did_you_mean(found, choices)}")
