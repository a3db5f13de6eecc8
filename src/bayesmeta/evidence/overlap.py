"""Series of one centre in one pool: patients may be counted twice."""

from collections.abc import Sequence

from bayesmeta.evidence.pooling import words_of_time
from bayesmeta.evidence.study import Pool
from bayesmeta.evidence.table import Table


def overlap_warnings(
    table: Table, pools: Sequence[Pool], centre: str | None, time_unit: str
) -> tuple[str, ...]:
    """Warn of each pool that holds two studies of one centre.

    ``and others`` after a centre's name, as a multicentre study's lead site, is no other centre.
    """
    if centre is None:
        return ()
    table.need([centre])
    centres = {
        table.label(i): cell.removesuffix(" and others")
        for i, cell in enumerate(table.text(centre))
    }
    warnings = []
    for pool in pools:
        where = " at ".join(filter(None, (pool.outcome, words_of_time(pool.time, time_unit))))
        groups: dict[str, list[str]] = {}
        for study in pool.studies:
            groups.setdefault(centres[study], []).append(study)
        unknown = groups.pop("", [])
        warnings += [
            f"{where} pools {_listed(studies)}, all of {name}: patients may be counted twice"
            for name, studies in groups.items()
            if len(studies) > 1
        ]
        if unknown and groups:
            warnings.append(
                f"{where} pools {_listed(unknown)}, of unknown centre, with "
                f"{_listed(list(groups))}: patients may be counted twice"
            )
    return tuple(warnings)


def shared_centres(pools: Sequence[Pool], column: str = "centre") -> tuple[str, ...]:
    """Warn of each centre with several studies, whatever their times."""
    centres: dict[str, dict[str, None]] = {}
    for pool in pools:
        cells = pool.cells.get(column, ("",) * pool.k)
        for study, cell in zip(pool.studies, cells, strict=True):
            centres.setdefault(cell.removesuffix(" and others"), {})[study] = None
    return tuple(
        f"{_listed(list(studies))} are all of {centre}: patients may be counted twice"
        for centre, studies in centres.items()
        if centre and len(studies) > 1
    )


def _listed(names: Sequence[str]) -> str:
    return " and ".join(filter(None, (", ".join(names[:-1]), names[-1])))
