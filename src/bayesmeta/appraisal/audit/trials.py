"""Each trial's rows against each other: arms against contrasts, levels against changes."""

from collections.abc import Iterator
from dataclasses import dataclass
from math import inf

from bayesmeta.appraisal.audit.alone import span
from bayesmeta.appraisal.audit.bounds import Box
from bayesmeta.appraisal.audit.data import Data, box_of_rows
from bayesmeta.appraisal.audit.finding import Finding, Interval
from bayesmeta.appraisal.audit.printed import time_column
from bayesmeta.appraisal.audit.ranges import box_of
from bayesmeta.evidence.layouts import layout_of
from bayesmeta.evidence.measures import Measure
from bayesmeta.evidence.pooling import Keys, keys_of
from bayesmeta.evidence.table import Table

_MEASURES = ("MD", "SMD", "ROM")
_CELLS = ("mean", "sd", "n")
_ARMS = ("treatment", "control")


@dataclass(frozen=True, slots=True)
class Arms:
    """The two arms that a trial printed, as one row of means, SDs and numbers of patients."""

    table: Table

    @property
    def words(self) -> str:
        """The arms as printed."""
        cells = {name: self.table.text(name)[0] for name in self.table.columns}
        return " v ".join(
            f"{cells[f'mean_{arm}']} ({cells[f'sd_{arm}']}), n {cells[f'n_{arm}']}" for arm in _ARMS
        )

    def effect(self, measure: Measure) -> tuple[float, float]:
        """Return the effect and its SE if the printed numbers are entered as they are."""
        effects = layout_of(self.table, measure.name)[0].effects(self.table, measure, "revman5")
        return float(effects.y[0]), float(effects.se[0])

    def box(self, measure: Measure) -> Box:
        """Return what the effect can be by the rounding of the arms."""
        return box_of(self.table, measure, "revman5")


def arms_of(data: Data) -> dict[int, Arms]:
    """Return the arms in ``arms.csv`` of each row's study, outcome, time and scale, by position."""
    table = data.beside.get("arms")
    if table is None or data.changes or data.measure.name not in _MEASURES:
        return {}
    table.need(("study", "arm", "outcome", *_CELLS), "which the audit reads in arms.csv")
    found: dict[object, dict[str, tuple[str]]] = {}
    words = dict(zip(data.arms, _ARMS, strict=True))
    columns = [table.text(cell) for cell in _CELLS]
    for j, (key, arm) in enumerate(zip(_places(table), table.text("arm"), strict=True)):
        if arm in words:
            cells = {f"{c}_{words[arm]}": (x[j],) for c, x in zip(_CELLS, columns, strict=True)}
            found.setdefault(key, {"study": (table.label(j),)}).update(cells)
    whole = len(_CELLS) * len(_ARMS) + 1
    return {
        i: Arms(Table(table.source, found[key], (1,), {}))
        for i, key in enumerate(_places(data.table, data.keys))
        if len(found.get(key, {})) == whole
    }


def _places(table: Table, keys: Keys | None = None) -> list[tuple[object, ...]]:
    """Return study, outcome, time and scale of every row."""
    keys = keys or keys_of(table, "", time_column(table) or "")
    scales = table.text("scale") if "scale" in table else ("",) * len(table)
    return list(zip(keys.studies, keys.outcomes, keys.times, scales, strict=True))


def check_trials(data: Data) -> Iterator[Finding]:
    """Check the rows of an analysis against the arms, and its levels against its changes."""
    if data.changes or "estimate" not in data.table:
        return
    yield from _contrasts(data)
    if "scale" in data.table and not data.measure.ratio:
        yield from _baselines(data)


def _contrasts(data: Data) -> Iterator[Finding]:
    """Recompute each row from the arms that its trial printed."""
    for i, arms in arms_of(data).items():
        row, box = box_of_rows(data, [i]), arms.box(data.measure)
        y, se = arms.effect(data.measure)
        printed = Interval(float(row.y_low[0]), float(row.y_high[0]))
        possible = Interval(float(box.y_low[0]), float(box.y_high[0]))
        if printed.meets(Interval(y, y)):
            continue
        text, rounded = data.table.text("estimate")[i], printed.meets(possible)
        why = (
            f"within what their own rounding allows ({span(possible)}), so other digits than "
            "those printed were entered"
            if rounded
            else f"beyond their own rounding ({span(possible)})"
        )
        yield Finding(
            "warning" if rounded else "error",
            "arms",
            f"{data.keys.studies[i]} printed {arms.words}: difference {y:.4g} (SE {se:.4g}); its "
            f"row has {text}, {why}",
            data.keys.outcomes[i],
            data.keys.times[i],
            text,
            possible,
        )


def _baselines(data: Data) -> Iterator[Finding]:
    """Level at follow-up less change from baseline is the difference at baseline."""
    arms = arms_of(data)
    places = {place: i for i, place in enumerate(_places(data.table, data.keys))}
    for (study, outcome, time, word), i in places.items():
        j = places.get((study, outcome, time, "change"))
        if word != "level" or j is None:
            continue
        box = box_of_rows(data, [i, j])
        low, high = box.y_low[0] - box.y_high[1], box.y_high[0] - box.y_low[1]
        if low <= 0 <= high:
            continue
        level, change = (data.table.text("estimate")[at] for at in (i, j))
        middle = float((low + high) / 2)
        share = abs(middle / float(level)) if float(level) else inf
        pooled = i in data.kept
        yield Finding(
            "warning" if pooled and share > LARGE else "note",
            "baseline",
            f"the arms of {study} differed by {level} - ({change}) = {middle:.3g} "
            f"({span(Interval(low, high))} by rounding) at baseline"
            f"{_both(data, arms.get(i), arms.get(j))}, "
            f"{100 * share:.0f} % of the difference at follow-up"
            f"{', which is pooled' if pooled else ''}; the changes differ by {change}",
            data.keys.outcomes[i],
            data.keys.times[i],
            level,
            Interval(float(low), float(high)),
        )


def _both(data: Data, level: Arms | None, change: Arms | None) -> str:
    """Say each arm's baseline where the arms are there."""
    if level is None or change is None:
        return ""
    means = [
        float(level.table.text(f"mean_{arm}")[0]) - float(change.table.text(f"mean_{arm}")[0])
        for arm in _ARMS
    ]
    return " (" + ", ".join(f"{w} {m:.3g}" for w, m in zip(data.arms, means, strict=True)) + ")"


LARGE = 0.5
"""Share of a difference at follow-up that the baseline made and that is worth a warning."""
