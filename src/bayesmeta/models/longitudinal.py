"""The door to joint models: columns and priors in, a model or one line that says why not."""

from collections.abc import Hashable, Mapping, Sequence
from typing import Any

import numpy as np

from bayesmeta.arrays import Array, ArrayLike
from bayesmeta.errors import InputError
from bayesmeta.models.between import LKJ, Between, Multilevel, OverTime, Unstructured
from bayesmeta.models.blocks import Index
from bayesmeta.models.covariance import Correlation
from bayesmeta.models.curves import Curve
from bayesmeta.models.design import Course
from bayesmeta.models.design import course as course_of
from bayesmeta.models.joint import JointModel
from bayesmeta.models.tails import highest_moment
from bayesmeta.priors import Flat, MuPrior, Normal, RhoFixed, TauPrior

INDEPENDENT = Correlation("cs", RhoFixed(0.0))
"""No correlation over time."""

_FLAT = Flat()


def longitudinal_model(
    study: Sequence[Hashable],
    time: ArrayLike,
    y: ArrayLike,
    se: ArrayLike,
    *,
    tau: TauPrior | Sequence[TauPrior],
    between: Correlation | LKJ,
    within: Correlation = INDEPENDENT,
    mean: str | Curve = "per-time",
    also_at: ArrayLike = (),
    coefficients: MuPrior | Sequence[MuPrior] = _FLAT,
    covariates: Mapping[str, ArrayLike] | None = None,
    baseline_se: ArrayLike | None = None,
) -> JointModel:
    """Return the joint model of effects at several times.

    Parameters
    ----------
    study : sequence of hashable, length n
        One label a row; rows of one study share it.
    time, y, se : array_like, shape (n,)
        When the effect was seen, its estimate on the analysis scale and its standard error. Times
        a study does not report have no row.
    tau : TauPrior, or one a time
        One prior for all times, or one for each in increasing order (heteroscedastic).
    between : Correlation or LKJ
        Of the study effects over time; LKJ leaves it unstructured, for few times.
    within : Correlation
        Of the errors of a study's estimates.
    mean : str or Curve
        ``per-time``, ``linear``, ``log-linear``, ``spline``, or `Plateau` or `RandomWalk` with the
        prior of their hyperparameter.
    also_at : array_like
        Further times at which a `Plateau` or `RandomWalk` is followed.
    coefficients : MuPrior, or one a coefficient
        Flat or normal; those of covariates come last.
    covariates : mapping of array_like, shape (n,)
        Further columns of the design by their names, such as an indicator of uncontrolled series
        whose coefficient is their bias.
    baseline_se : array_like, shape (n,), or None
        Where y are changes from a baseline at time 0: the SE of the study's value there, beside
        those of its later values in se. The correlation of the errors, `within`, then is that of
        values before and after, which may have a prior.

    Raises
    ------
    InputError
        For data that are no numbers, a study seen twice at one time, a covariance that is not
        positive definite, times that the mean cannot take, or an improper posterior.

    Examples
    --------
    >>> from bayesmeta.priors import HalfNormal, RhoUniform
    >>> model = longitudinal_model(
    ...     ["A", "A", "B"], [3, 12, 12], [-1.0, -0.5, -0.7], [0.3, 0.3, 0.2],
    ...     tau=HalfNormal(0.5), between=Correlation("cs", RhoUniform(0, 1)),
    ... )
    >>> model.names, [hyper.name for hyper in model.hypers]
    (('mu at 3', 'mu at 12'), ['tau', 'rho_between', 'rho_within'])
    """
    at, estimates, errors = _numbers(time=time, y=y, se=se)
    _same_length(study=study, time=at, y=estimates, se=errors)
    times, slot = np.unique(at, return_inverse=True)
    number = _numbered(study)
    _no_duplicates(study, at)
    baseline = None if baseline_se is None else _baseline(baseline_se, at)
    extra = dict(zip(covariates or {}, _numbers(**(covariates or {})), strict=True))
    _same_length(study=study, **extra)
    if isinstance(mean, Curve):
        course: Course = mean.over(np.append(times, also_at))
    else:
        course = course_of(mean, times)
    taus = tuple(one.bound(errors) for one in ((tau,) if isinstance(tau, TauPrior) else tau))
    return _checked(
        JointModel(
            estimates,
            errors,
            number,
            slot,
            times,
            np.column_stack([course.design(times)[slot], *extra.values()]),
            _for_each(coefficients, (*course.names, *extra)),
            OverTime(taus, between)
            if isinstance(between, Correlation)
            else Unstructured(taus, between),
            within,
            course,
            (*course.names, *extra),
            baseline,
        )
    )


def regression_model(
    y: ArrayLike,
    se: ArrayLike,
    x: ArrayLike,
    *,
    names: Sequence[str],
    tau: TauPrior,
    coefficients: MuPrior | Sequence[MuPrior] = _FLAT,
) -> JointModel:
    """Return a meta-regression: one row a study and any design matrix.

    Parameters
    ----------
    y, se : array_like, shape (n,)
    x : array_like, shape (n, p)
        With a column of ones for the intercept.
    names : sequence of str, length p
        Of the columns.
    tau : TauPrior
    coefficients : MuPrior, or one a column
        Flat or normal.

    Raises
    ------
    InputError
        For data that are no numbers, a design matrix of deficient rank, or an improper posterior.

    Examples
    --------
    >>> from bayesmeta.priors import HalfNormal
    >>> rows = [[1, 44], [1, 13], [1, 19]]
    >>> model = regression_model(
    ...     [-1.4, -0.2, -0.5], [0.3, 0.1, 0.1], rows, names=["intercept", "latitude"],
    ...     tau=HalfNormal(0.5),
    ... )
    >>> model.origin.round(2)
    array([ 0.29, -0.04])
    """
    estimates, errors, design = _numbers(y=y, se=se, x=x)
    _same_length(y=estimates, se=errors, x=design)
    return _checked(
        JointModel(
            estimates,
            errors,
            np.arange(len(estimates)),
            np.zeros(len(estimates), dtype=int),
            np.zeros(1),
            _design(design, names),
            _for_each(coefficients, tuple(names)),
            OverTime((tau.bound(errors),), INDEPENDENT),
            INDEPENDENT,
            None,
            tuple(names),
        )
    )


def multilevel_model(
    study: Sequence[Hashable],
    y: ArrayLike,
    se: ArrayLike,
    x: ArrayLike,
    *,
    names: Sequence[str],
    tau_between: TauPrior,
    tau_within: TauPrior,
    within: Correlation = INDEPENDENT,
    coefficients: MuPrior | Sequence[MuPrior] = _FLAT,
) -> JointModel:
    """Return a model of effects within studies, exchangeable but for their covariates.

    Parameters
    ----------
    study : sequence of hashable, length n
        Rows of one study share a label.
    y, se, x, names, coefficients
        As in `regression_model`.
    tau_between, tau_within : TauPrior
        SD of the studies, and of the effects of a study.
    within : Correlation
        Compound symmetry of the errors of a study's estimates.

    Raises
    ------
    InputError
        As `regression_model`.

    Examples
    --------
    >>> from bayesmeta.priors import HalfNormal
    >>> model = multilevel_model(
    ...     ["A", "A", "B"], [0.1, 0.3, 0.7], [0.1, 0.1, 0.2], [[1], [1], [1]],
    ...     names=["intercept"], tau_between=HalfNormal(0.5), tau_within=HalfNormal(0.5),
    ... )
    >>> [hyper.name for hyper in model.hypers]
    ['tau_between', 'tau_within', 'rho_within']
    """
    estimates, errors, design = _numbers(y=y, se=se, x=x)
    _same_length(study=study, y=estimates, se=errors, x=design)
    number = _numbered(study)
    slot = np.array([int((number[:row] == one).sum()) for row, one in enumerate(number)])
    taus = (tau_between.bound(errors), tau_within.bound(errors))
    return _checked(
        JointModel(
            estimates,
            errors,
            number,
            slot,
            np.arange(slot.max() + 1.0),
            _design(design, names),
            _for_each(coefficients, tuple(names)),
            Multilevel(taus),
            within,
            None,
            tuple(names),
        )
    )


def _baseline(baseline_se: ArrayLike, time: Array) -> Array:
    (baseline,) = _numbers(baseline_se=baseline_se)
    _same_length(baseline_se=baseline, time=time)
    if not np.all(baseline > 0):
        raise InputError("baseline_se must be positive in every row")
    if not np.all(time > 0):
        raise InputError("changes from baseline need times after it, above 0")
    return baseline


def _between(taus: tuple[TauPrior, ...], between: Correlation | LKJ) -> Between:
    if isinstance(between, Correlation):
        return OverTime(taus, between)
    return Unstructured(taus, between)


def _design(x: Array, names: Sequence[str]) -> Array:
    if x.ndim != 2 or x.shape[1] != len(names):
        raise InputError(f"x has shape {x.shape}: it needs a column for each of {list(names)}")
    return x


def _checked(model: JointModel) -> JointModel:
    """Return the model if its posterior can be computed."""
    if not np.all(model.se > 0):
        row = int(np.flatnonzero(~(model.se > 0))[0])
        raise InputError(f"se is {model.se[row]:g} in row {row + 1}: it must be positive")
    x = model.linear.x[:, model.linear.flat]
    x = x / np.maximum(np.abs(x).max(0), 1e-300)
    rank = int(np.linalg.matrix_rank(x)) if x.size else 0
    if rank < x.shape[1]:
        flat = [name for name, one in zip(model.names, model.flat, strict=True) if one]
        raise InputError(
            f"the design matrix of {', '.join(flat)} has rank {rank}, and flat priors on "
            f"{len(flat)} coefficients need as much: drop a column or give normal priors"
        )
    for hyper in model.hypers:
        if highest_moment(model, hyper.name) < 0:
            raise InputError(
                f"the posterior is improper: {hyper.prior} on {hyper.name} needs more estimates "
                f"than the {len(model.y)} there are; choose a proper prior, such as "
                f"half-normal(0.5)"
            )
    return model


def _numbers(**columns: ArrayLike) -> list[Array]:
    """Return columns as arrays of finite numbers."""
    found = []
    for name, column in columns.items():
        values: Any = np.asarray(column)
        try:
            array = values.astype(float)
        except (TypeError, ValueError):
            raise InputError(f"{name} is not a column of numbers") from None
        if not np.all(np.isfinite(array)):
            row = int(np.argwhere(~np.isfinite(array))[0][0])
            raise InputError(f"{name} is not a finite number in row {row + 1}: {values[row]!s}")
        found.append(array)
    return found


def _same_length(**columns: Any) -> None:
    lengths = {name: len(column) for name, column in columns.items()}
    if len(set(lengths.values())) > 1 or 0 in lengths.values():
        told = ", ".join(f"{name} {length}" for name, length in lengths.items())
        raise InputError(f"columns need one length, and a row at least: {told}")


def _numbered(study: Sequence[Hashable]) -> Index:
    """Number the studies in the order of their first rows."""
    numbers = {label: number for number, label in enumerate(dict.fromkeys(study))}
    return np.array([numbers[label] for label in study])


def _no_duplicates(study: Sequence[Hashable], time: Array) -> None:
    seen: dict[tuple[Hashable, float], int] = {}
    for row, key in enumerate(zip(study, time.tolist(), strict=True), 1):
        if key in seen:
            raise InputError(
                f"study {key[0]} has two rows at time {key[1]:g}, rows {seen[key]} and {row}: keep "
                f"one estimate a study and time"
            )
        seen[key] = row


def _for_each(prior: MuPrior | Sequence[MuPrior], names: tuple[str, ...]) -> tuple[MuPrior, ...]:
    priors = (prior,) * len(names) if isinstance(prior, MuPrior) else tuple(prior)
    if len(priors) != len(names):
        raise InputError(
            f"{len(priors)} priors for {len(names)} coefficients ({', '.join(names)}): give one, "
            f"or one for each"
        )
    for one in priors:
        if not isinstance(one, Flat | Normal):
            raise InputError(f"{one} on a coefficient: joint models take flat or normal(mean, sd)")
    return priors
