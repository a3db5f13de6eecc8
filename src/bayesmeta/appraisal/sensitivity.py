"""Would another sceptic's prior change the conclusion? Every posterior over a grid of priors."""

from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from bayesmeta import __version__
from bayesmeta.appraisal.cells import AS_GIVEN, DIMS, NOBODY, cases, cells
from bayesmeta.appraisal.conclusions import Conclusion, Pair, conclusions
from bayesmeta.appraisal.grid import Grid, default_grid
from bayesmeta.errors import InputError
from bayesmeta.evidence.study import Direction, Evidence, Pool
from bayesmeta.fit import Fit
from bayesmeta.fit.numbers import Ask
from bayesmeta.fit.run import (
    SEED,
    check_level,
    check_priors,
    check_sampling,
    fit_evidence,
    gather,
    priors_for,
)
from bayesmeta.fit.save import folder_for, whole
from bayesmeta.priors import MuPrior, TauPrior

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr

    from bayesmeta.appraisal.checks import Checks
    from bayesmeta.appraisal.joint_sensitivity import JointSensitivity
    from bayesmeta.appraisal.sampled_grid import SampledPrior

COLUMNS = (
    "outcome",
    "time",
    "data",
    "prior_mu",
    "prior_tau",
    "left_out",
    "quantity",
    "mean",
    "sd",
    "median",
    "ci_low",
    "ci_high",
    "prob_benefit",
)


@dataclass(frozen=True)
class Sensitivity:
    """The posteriors of an analysis over a grid of priors, other data, and studies left out.

    Attributes
    ----------
    fit : Fit
        Under the reference priors: the analysis's own, or those asked for, or the first proper
        ones of the grid.
    grid : Grid
    dataset : Dataset
        Dimensions ``pool, data, left_out, prior_mu, prior_tau, quantity``, on the analysis scale
        (log for ratio measures); ``nan`` where there is no such posterior or moment.
    reference : Dataset
        The same under the reference priors alone.
    refused : mapping of str to int
        Why posteriors of the grid cannot be had, and how many for each reason.
    sampled : tuple of SampledPrior
        By NUTS; empty until `with_nuts`.
    """

    fit: Fit
    grid: Grid
    dataset: "xr.Dataset"
    reference: "xr.Dataset"
    refused: Mapping[str, int]
    sampled: "tuple[SampledPrior, ...]" = ()

    @property
    def name(self) -> str:
        """Name of the analysis."""
        return self.fit.name

    @property
    def evidence(self) -> Evidence:
        """What was observed."""
        return self.fit.evidence

    @property
    def pools(self) -> tuple[Pool, ...]:
        """Those asked about."""
        return tuple(row.pool for row in self.fit.rows)

    @property
    def under(self) -> Pair:
        """The reference priors."""
        return Pair(str(self.fit.ask.mu), str(self.fit.ask.tau))

    @cached_property
    def conclusions(self) -> tuple[Conclusion, ...]:
        """How far what is concluded moves, of each pool as given and then of its other data."""
        return tuple(conclusions(self.dataset, self.reference))

    @property
    def main(self) -> list[Conclusion]:
        """The conclusions from the data as given, nobody left out."""
        own = (AS_GIVEN, NOBODY)
        return [found for found in self.conclusions if (found.data, found.left_out) == own]

    @cached_property
    def checks(self) -> "tuple[Checks, ...]":
        """What else is asked of the reference priors: tipping scales, conflict, size; by pool."""
        from bayesmeta.appraisal.checks import checks_of

        return tuple(checks_of(row, self.fit) for row in self.fit.rows)

    @cached_property
    def distances(self) -> "xr.DataArray":
        """Hellinger distances of posteriors from those under the reference priors.

        Of mu, tau and theta_new, the data as given, nobody left out.
        """
        import xarray as xr

        from bayesmeta.appraisal.checks import DISTANT, distances

        of = self.dataset["numerical_error"].sel(data=AS_GIVEN, left_out=NOBODY)
        there = np.isfinite(of.to_numpy())
        grid = self.grid
        values = [
            distances(row, grid.mus, grid.taus, there[at]) for at, row in enumerate(self.fit.rows)
        ]
        coords = {"quantity": list(DISTANT), **of.coords}
        dims = ("pool", "prior_mu", "prior_tau", "quantity")
        return xr.DataArray(np.stack(values), coords, dims, name="hellinger")

    @property
    def joint(self) -> "JointSensitivity | None":
        """The joint model of all times over the priors, where the analysis has one."""
        return self._joint[0]

    @property
    def joint_refused(self) -> str:
        """Why there is none of a joint model that the analysis has."""
        return self._joint[1]

    @cached_property
    def _joint(self) -> "tuple[JointSensitivity | None, str]":
        from bayesmeta.appraisal.joint_sensitivity import joint_sensitivity

        spec = self.evidence.joint
        if spec is None or len(self.pools) < len(self.evidence.pools):
            return None, ""
        try:
            return joint_sensitivity(self.evidence, spec, self.grid, self.fit.ask), ""
        except InputError as error:
            return None, str(error)

    @property
    def converged(self) -> bool:
        """Whether every NUTS fit passed its diagnostics."""
        return not any(one.diagnostics.problems for one in self.sampled)

    def with_nuts(
        self,
        most: int = 8,
        *,
        draws: int = 1000,
        seed: int = SEED,
        start: Callable[[int], None] | None = None,
        done: Callable[[], None] | None = None,
    ) -> Self:
        """Return the same with a few pairs of priors sampled by NUTS too.

        Parameters
        ----------
        most : int
            Pairs: the reference, then those that make the most extremes.
        draws : int
            Of each of four chains.
        seed : int
        start, done : callable, optional
            Called with the number of fits before the first, and after each.
        """
        from bayesmeta.appraisal.sampled_grid import chosen, sample_grid

        check_sampling(draws, seed)
        pairs = chosen(self, most)
        if start:
            start(len(pairs) * len(self.fit.rows))
        return replace(self, sampled=sample_grid(self, pairs, draws=draws, seed=seed, done=done))

    def table(self) -> "pd.DataFrame":
        """Return the tidy table, one row a posterior and quantity.

        Returns
        -------
        DataFrame
            Columns ``outcome, time, data, prior_mu, prior_tau, left_out, quantity, mean, sd,
            median, ci_low, ci_high, prob_benefit``; missing where there is no time, nobody is
            left out, or a moment does not exist. Quantities of the joint model of all times, such
            as ``joint mu``, come last; ``prior_tau`` then names priors on correlations too, where
            they are not the analysis's own.

        Examples
        --------
        >>> import bayesmeta as bm
        >>> grid = bm.Grid.of(tau=["half-normal(1)", "half-cauchy(1)"])
        >>> table = bm.sensitivity("adverse_events", grid=grid).table()
        >>> table[["prior_tau", "quantity", "median"]].round(2).values.tolist()[0]
        ['half-normal(1)', 'mu', -1.32]
        """
        import pandas as pd

        dataset = self.dataset
        here = np.nonzero(np.isfinite(dataset["numerical_error"].to_numpy()))
        quantities = dataset["quantity"].to_numpy()
        repeated = {dim: np.repeat(at, len(quantities)) for dim, at in zip(DIMS, here, strict=True)}
        labels = {
            "outcome": dataset["outcome"].to_numpy()[repeated["pool"]],
            "time": dataset["time"].to_numpy()[repeated["pool"]],
            **{dim: dataset[dim].to_numpy()[repeated[dim]] for dim in DIMS[1:]},
            "quantity": np.tile(quantities, len(here[0])),
        }
        values = {name: dataset[name].to_numpy()[here].ravel() for name in COLUMNS[7:]}
        table = pd.DataFrame(labels | values, columns=list(COLUMNS))
        if self.joint is None:
            return table
        of_joint = self.joint.rows(self.pools[0].outcome, self.under.mu)
        return pd.concat([table, pd.DataFrame(of_joint, columns=list(COLUMNS))], ignore_index=True)

    def to_dict(self) -> dict[str, Any]:
        """Return the object that ``--format json`` prints."""
        from bayesmeta.appraisal.sensitivity_record import record

        return record(self)

    def save(self, folder: str | Path) -> list[Path]:
        """Write ``sensitivity.nc`` and ``sensitivity.csv`` into a folder, each whole or not at all.

        The joint model of all times is the group ``joint`` of the first.

        Returns
        -------
        list of Path
            The files written.
        """
        folder = folder_for(Path(folder))
        written = [folder / "sensitivity.nc", folder / "sensitivity.csv"]
        with whole(written[0]) as path:
            with_distances = self.dataset.assign(hellinger=self.distances.reset_coords(drop=True))
            with_distances.to_netcdf(path, engine="h5netcdf")
            if self.joint is not None:
                self.joint.dataset.to_netcdf(path, mode="a", group="joint", engine="h5netcdf")
        with whole(written[1]) as path:
            self.table().to_csv(path, index=False)
        return written


def sensitivity(
    source: "str | Path | pd.DataFrame | Mapping[str, Iterable[Any]]",
    *,
    grid: Grid | str | Path | None = None,
    measure: str | None = None,
    mu: MuPrior | str | None = None,
    tau: TauPrior | str | None = None,
    at: float | None = None,
    direction: Direction | None = None,
    level: float = 0.95,
    project: str | Path | None = None,
) -> Sensitivity:
    """Find the posterior of every pool of an analysis under every prior of a grid.

    Parameters
    ----------
    source : str, Path, DataFrame or mapping
        As of `bayesmeta.fit`.
    grid : Grid or path, optional
        The priors; by default `bayesmeta.appraisal.default_grid`. A path is that of a TOML file.
    measure : str, optional
        Of a table.
    mu, tau : prior or str, optional
        The priors that the others are compared with. By default those of the analysis file, else
        the defaults of `bayesmeta.fit`, else the first proper one of the grid.
    at : float, optional
        Only the pools at this time.
    direction : {"lower", "higher"}, optional
        Which is better; needed for P(benefit) of a table.
    level : float
        Of every interval, between 0 and 1.
    project : path, optional
        Folder with ``data/`` and ``models/`` of your own.

    Returns
    -------
    Sensitivity

    Raises
    ------
    InputError
        One line that says what in the input cannot be used, and what is expected.

    Examples
    --------
    >>> import bayesmeta as bm
    >>> found = bm.sensitivity("sledai", at=12)
    >>> benefit = found.dataset["prob_benefit"].sel(quantity="mu", data="as given", left_out="")
    >>> [round(float(x), 2) for x in (benefit.min(), benefit.max())]
    [0.63, 0.9]
    """
    check_level(level, direction)
    evidence = gather(source, measure=measure, direction=direction, project=project)
    if isinstance(grid, (str, Path)):
        from bayesmeta.appraisal.grid_file import read_grid  # pydantic, which a Grid spares

        grid = read_grid(grid)
    if grid is not None and (grid.rhos or grid.within_correlations):
        _needs_joint(evidence, at)
    own_mu, own_tau = _reference(evidence, grid, mu, tau)
    asked = grid or default_grid(evidence, own_mu, own_tau)
    mus = asked.mus or {str(own_mu): own_mu}
    taus = asked.taus or {str(own_tau): own_tau}
    for on_mu in mus.values():
        check_priors(evidence, on_mu, own_tau)
    for on_tau in taus.values():
        check_priors(evidence, own_mu, on_tau)
    ask = Ask(own_mu, own_tau, level, "central", direction or evidence.direction)
    own = fit_evidence(evidence, ask, frozenset(), at=at)
    pools = tuple(row.pool for row in own.rows)
    data = cases(
        evidence, pools, leave_one_out=asked.leave_one_out, alternatives=asked.alternatives
    )
    found = cells(pools, data, mus, taus, ask)
    at_mu, at_tau = list(mus.values()), list(taus.values())
    if own_mu in at_mu and own_tau in at_tau:
        m, t = at_mu.index(own_mu), at_tau.index(own_tau)
        reference = found.dataset.isel(prior_mu=[m], prior_tau=[t])
    else:
        alone = {str(own_mu): own_mu}, {str(own_tau): own_tau}
        reference = cells(pools, data, *alone, ask).dataset
    attrs = {
        "analysis": evidence.name,
        "measure": evidence.measure.name,
        "scale": evidence.measure.scale,
        "direction": ask.direction or "",
        "level": level,
        "reference_mu": str(own_mu),
        "reference_tau": str(own_tau),
        "version": __version__,
    }
    return Sensitivity(
        fit=own,
        grid=replace(asked, mus=mus, taus=taus),
        dataset=found.dataset.assign_attrs(attrs),
        reference=reference.assign_attrs(attrs),
        refused=found.refused,
    )


def _needs_joint(evidence: Evidence, at: float | None) -> None:
    if evidence.joint is None or at is not None:
        why = "the analysis has no [joint]" if evidence.joint is None else f"time {at:g} was asked"
        raise InputError(
            f"rho and within_correlation in a grid are of the joint model of all times, and {why}"
        )


def _reference(
    evidence: Evidence, grid: Grid | None, mu: MuPrior | str | None, tau: TauPrior | str | None
) -> tuple[MuPrior, TauPrior]:
    """Return the priors that the others are compared with."""
    if grid is not None and grid.taus and not (tau or evidence.tau):
        with suppress(InputError):
            return priors_for(evidence, mu, None)
        priors = list(grid.taus.values())
        tau = next((prior for prior in priors if prior.proper), priors[0])
    return priors_for(evidence, mu, tau)
