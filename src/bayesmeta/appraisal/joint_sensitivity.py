"""The joint model of all times over priors on tau and on the correlations over time."""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from bayesmeta.appraisal.conclusions import BENEFIT, Moved, moved
from bayesmeta.appraisal.grid import Grid
from bayesmeta.arrays import Array
from bayesmeta.engines.joint_summaries import Linear
from bayesmeta.engines.joint_sweep import TOLERANCE, Swept, sweep_joint
from bayesmeta.errors import InputError
from bayesmeta.evidence.study import Evidence, JointSpec
from bayesmeta.fit.joint_ask import JointAsk
from bayesmeta.fit.numbers import Ask
from bayesmeta.models.joint import JointModel
from bayesmeta.models.longitudinal import checked
from bayesmeta.priors import RhoPrior, TauPrior

if TYPE_CHECKING:
    import xarray as xr

MOVED = {
    "estimate": ("mu", "median"),
    "ci_low": ("mu", "ci_low"),
    "ci_high": ("mu", "ci_high"),
    "prob_benefit": ("mu", "prob_benefit"),
    "prob_below_zero": ("mu", "prob_below_zero"),
    "prediction_low": ("theta_new", "ci_low"),
    "prediction_high": ("theta_new", "ci_high"),
}
"""What is followed at each time: a quantity and one of its summaries."""

_FIELDS = {"mean": "mean", "sd": "sd", "median": "median", "ci_low": "low", "ci_high": "high"}


@dataclass(frozen=True, slots=True)
class Triple:
    """Priors on tau and on the correlations over time, between and within studies, in words."""

    tau: str
    rho: str
    within_correlation: str

    def correlations(self, own: "Triple") -> list[str]:
        """Name the priors on correlations that are not the analysis's own."""
        pairs = (
            ("rho", self.rho, own.rho),
            ("rho within", self.within_correlation, own.within_correlation),
        )
        return [f"{name} {words}" for name, words, its_own in pairs if words != its_own]


@dataclass(frozen=True, slots=True)
class AtTime:
    """How far what the joint model says of one time moves.

    Attributes
    ----------
    time : float
    moved : dict of Moved
        By the names of `MOVED`; of those that have a value.
    benefit : int or None
        Under how many priors P(benefit) is at least `BENEFIT`; None without a direction.
    """

    time: float
    moved: dict[str, Moved[Triple]]
    benefit: int | None


@dataclass(frozen=True, slots=True)
class JointSensitivity:
    """The joint model under many priors; the prior on mu is the analysis's own.

    Attributes
    ----------
    dataset : Dataset
        Dimensions ``prior, time, quantity`` and ``prior, hyper``, on the analysis scale; the
        first prior is the analysis's own.
    refused : mapping of str to int
        Why posteriors cannot be had, and how many for each reason.
    """

    dataset: "xr.Dataset"
    refused: Mapping[str, int]

    @property
    def own(self) -> Triple:
        """The analysis's own priors."""
        return self.triples[0]

    @property
    def triples(self) -> list[Triple]:
        """The priors, the analysis's own first."""
        names = ("prior_tau", "prior_rho", "prior_within_correlation")
        return [Triple(*words) for words in zip(*self._words(names), strict=True)]

    @property
    def moved(self) -> Iterator[AtTime]:
        """How far each time moves."""
        words = self.triples
        for time in self.dataset["time"].to_numpy().tolist():
            at = self.dataset.sel(time=time)
            over = {
                name: at[variable].sel(quantity=quantity).to_numpy()
                for name, (quantity, variable) in MOVED.items()
            }
            known = {name: values for name, values in over.items() if np.isfinite(values).any()}
            yield AtTime(
                time,
                {
                    name: moved(values, float(values[0]), words, TOLERANCE)
                    for name, values in known.items()
                },
                int((known["prob_benefit"] >= BENEFIT).sum()) if "prob_benefit" in known else None,
            )

    def rows(self, outcome: str, mu: str) -> Iterator[dict[str, Any]]:
        """Yield the rows of the tidy table: those of a time, then hyperparameters without one."""
        data = self.dataset
        numbers = {name: data[name].to_numpy() for name in (*_FIELDS, "prob_benefit")}
        hypers = {name: data[f"hyper_{name}"].to_numpy() for name in _FIELDS}
        for p, words in enumerate(self.triples):
            under = {
                "outcome": outcome,
                "data": "as given",
                "left_out": "",
                "prior_mu": mu,
                "prior_tau": "; ".join([words.tau, *words.correlations(self.own)]),
            }
            for t, time in enumerate(data["time"].to_numpy().tolist()):
                for q, quantity in enumerate(data["quantity"].values):
                    values = {name: float(array[p, t, q]) for name, array in numbers.items()}
                    yield under | {"time": time, "quantity": f"joint {quantity}"} | values
            for h, hyper in enumerate(data["hyper"].values):
                values = {name: float(array[p, h]) for name, array in hypers.items()}
                yield under | {"time": np.nan, "quantity": f"joint {hyper}"} | values

    def _words(self, names: tuple[str, ...]) -> Iterator[list[str]]:
        return (self.dataset[name].to_numpy().tolist() for name in names)


def joint_sensitivity(
    evidence: Evidence, spec: JointSpec, grid: Grid, ask: Ask
) -> JointSensitivity:
    """Sweep the joint model over the priors of a grid.

    Those on tau are taken with the analysis's own correlations; those on the correlations, all
    pairs, with its own prior on tau.

    Raises
    ------
    InputError
        Where there is no such model: with more than four free hyperparameters, or a prior on mu
        that is neither flat nor normal.
    """
    model = JointAsk.of(spec).model(evidence.pools, ask)
    priors, refused = {}, Counter[str]()
    for words, one in _priors(model, spec, grid, ask).items():
        try:
            checked(model.under(one))
        except InputError as error:
            refused[str(error)] += 1
        else:
            priors[words] = one
    found = sweep_joint(model, list(priors.values()), ask.level)
    return JointSensitivity(_dataset(model, list(priors), found, ask), refused)


type _Priors = dict[str, TauPrior | RhoPrior]


def _priors(model: JointModel, spec: JointSpec, grid: Grid, ask: Ask) -> Mapping[Triple, _Priors]:
    """Return the priors of each fit by hyperparameter, the analysis's own first."""
    names = [hyper.name for hyper in model.hypers]
    taus = names[: len(model.between.tau)]
    own = Triple(str(ask.tau), spec.rho, spec.within_correlation)
    found: dict[Triple, _Priors] = {own: {}}
    for words, tau in grid.taus.items():
        found[Triple(words, own.rho, own.within_correlation)] = dict.fromkeys(taus, tau)
    rhos = {own.rho: None} | (dict(grid.rhos) if "rho_between" in names else {})
    withins = {own.within_correlation: None} | (
        dict(grid.within_correlations) if "rho_within" in names else {}
    )
    for rho_words, rho in rhos.items():
        for words, within in withins.items():
            chosen = {"rho_between": rho, "rho_within": within}
            priors: _Priors = {name: one for name, one in chosen.items() if one is not None}
            found.setdefault(Triple(own.tau, rho_words, words), priors)
    return found


def _dataset(model: JointModel, words: list[Triple], found: Swept, ask: Ask) -> "xr.Dataset":
    import xarray as xr

    dims = ("prior", "time", "quantity")
    of_mu, of_new = found.mu, found.theta_new
    below = np.stack([of_mu.below_zero, of_new.below_zero], -1)
    benefit = {"lower": below, "higher": 1 - below, None: np.full_like(below, np.nan)}
    hypers = [found.hyper(name) for name in found.names]
    variables: dict[str, tuple[tuple[str, ...], Array]] = {
        name: (dims, np.stack([getattr(of_mu, field), getattr(of_new, field)], -1))
        for name, field in _FIELDS.items()
    }
    for name, field in _FIELDS.items():
        variables[f"hyper_{name}"] = (("prior", "hyper"), _stacked(hypers, field))
    return xr.Dataset(
        variables
        | {"prob_benefit": (dims, benefit[ask.direction]), "prob_below_zero": (dims, below)}
        | {"numerical_error": (("prior",), found.numerical_error)},
        {
            "prior_tau": ("prior", [one.tau for one in words]),
            "prior_rho": ("prior", [one.rho for one in words]),
            "prior_within_correlation": ("prior", [one.within_correlation for one in words]),
            "time": model.times,
            "quantity": ["mu", "theta_new"],
            "hyper": list(found.names),
        },
    )


def _stacked(hypers: list[Linear], field: str) -> Array:
    return np.stack([getattr(one, field) for one in hypers], -1)
