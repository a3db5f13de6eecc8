"""Where a published, a recomputed and a Bayesian pool differ, and why: sentences by rules."""

from collections.abc import Callable, Iterator
from math import isfinite

from scipy.special import ndtri, stdtrit

from bayesmeta.appraisal.audit.data import INDEPENDENT, listed
from bayesmeta.appraisal.compared import Compared, Estimate
from bayesmeta.fit.words import formatter, percent, probability, span, spread
from bayesmeta.frequentist import FrequentistPool, pool
from bayesmeta.frequentist.names import METHODS
from bayesmeta.frequentist.pools import studies_of
from bayesmeta.priors import Fixed

SAME_WIDTH = 0.05
"""Intervals whose widths differ by less, as a share, are as wide as each other."""

MOVED = 0.05
"""A share of the interval's width by which an estimate has to move to be spoken of."""

UNTAUGHT = 0.8
"""A share of the width of the prior's interval of tau: a posterior above it is the prior's."""

WEIGHTY = 0.05
"""A weight of the prior on mu that is spoken of."""


def sentences(row: Compared) -> list[str]:
    """Say where published, recomputed and Bayesian differ, and why, from the numbers alone."""
    return [found for rule in RULES for found in rule(row)]


def agreement(row: Compared) -> Iterator[str]:
    """Published against recomputed: equal, equal but for rounding, or not."""
    words = row.recipe.words
    if row.printed is None:
        yield f"Nothing is published here; recomputed by {words}."
        return
    if row.pool is None:
        yield f"The rows have no estimate by {words}."
        return
    named = row.recipe in row.printed.label.meant(row.row.pool.k)
    how = words if named else f"{words}, which the table does not name"
    if row.agreement == "digits":
        said = f"The rows give every printed digit again, by {how}"
    elif row.agreement == "rounding":
        said = f"Published and recomputed ({how}) differ by {row.gap:.2g}, which rounding explains"
    else:
        yield (
            f"Published and recomputed ({how}) differ by {row.gap:.2g}, which rounding does not "
            "explain: `bayesmeta audit` has the arithmetic."
        )
        return
    made = sorted({str(status) for status in row.row.pool.status if status not in INDEPENDENT})
    if made:
        said += f", but the rows are {listed(made)}: that is arithmetic, not evidence"
    yield f"{said}."


def other_level(row: Compared) -> Iterator[str]:
    """The printed interval is of another level: widths are not compared."""
    if row.printed is not None and row.printed.label.level != row.level:
        yield (
            f"The printed interval is of {percent(row.printed.label.level)}, the others of "
            f"{percent(row.level)}: widths are not compared."
        )


def heterogeneity(row: Compared) -> Iterator[str]:
    """What each takes tau to be: nothing to learn, 0 by assumption, 0 or more as estimated."""
    pool, tau, k = row.pool, row.row.exact.tau, row.row.pool.k
    if pool is None:
        return
    if isinstance(row.fit.ask.tau, Fixed):
        estimate = "" if pool.tau2 is None else f"; by {row.recipe.words} it is {_tau(pool)}"
        yield f"The prior puts tau at {spread(tau.median)} and leaves no doubt{estimate}."
        return
    posterior = f"{spread(tau.median)} ({span(spread, tau.ci_low, tau.ci_high)})"
    if k == 1:
        yield (
            f"One study: the {_whose(row)} interval is its own; the posterior is of the pooled "
            f"effect and adds how far studies may differ, by the prior tau {posterior}."
        )
    elif pool.tau2 is None:
        yield (
            f"The {_whose(row)} pool assumes one common effect, tau = 0; the posterior's tau is "
            f"{posterior}."
        )
    else:
        q = f" (Q {pool.q:.3g} on {pool.df} df)" if pool.tau2 == 0 else ""
        yield (
            f"{_method(row)} puts tau at {_tau(pool)}{q} and takes that as known; the "
            f"posterior's tau is {posterior}."
        )


def prior_on_tau(row: Compared) -> Iterator[str]:
    """The data have hardly narrowed the prior on tau."""
    prior, k = row.fit.ask.tau, row.row.pool.k
    share = share_of_prior(row)
    if k > 1 and share is not None and share >= UNTAUGHT:
        yield (
            f"The {k} studies say little of tau: its interval is {share:.2f} times as wide as "
            f"under its prior alone, {prior}, which decides much of the width of the others."
        )


def share_of_prior(row: Compared) -> float | None:
    """Return the width of the interval of tau over that of its prior, None of an improper one."""
    prior, tau = row.row.posterior.model.tau, row.row.exact.tau
    if not prior.proper or isinstance(prior, Fixed) or tau.ci_low is None or tau.ci_high is None:
        return None
    low, high = (float(prior.ppf(p)) for p in ((1 - row.level) / 2, (1 + row.level) / 2))
    width = high - low
    return (tau.ci_high - tau.ci_low) / width if isfinite(width) and width > 0 else None


def hartung_knapp(row: Compared) -> Iterator[str]:
    """Hartung and Knapp's interval takes a t for the normal quantile."""
    df = row.row.pool.k - 1
    if row.recipe.ci != "wald" and df > 0:
        upper = (1 + row.level) / 2
        yield (
            f"Hartung and Knapp's interval takes {float(stdtrit(df, upper)):.3g}, t on {df} df, "
            f"where Wald's takes {float(ndtri(upper)):.3g}."
        )


def width(row: Compared) -> Iterator[str]:
    """How wide the credible interval is beside the published, or the recomputed, one."""
    beside = _beside(row)
    if beside is None or beside.width <= 0:
        return
    ratio = row.posterior.width / beside.width
    if abs(ratio - 1) < SAME_WIDTH:
        yield f"The credible interval is as wide as the {_whose(row)} one (ratio {ratio:.2f})."
    else:
        yield f"The credible interval is {ratio:.2f} times as wide as the {_whose(row)} one."


def shift(row: Compared) -> Iterator[str]:
    """Where the estimate has moved by `MOVED` of the interval or more, and towards what."""
    beside = _beside(row)
    if beside is None or abs(row.posterior.estimate - beside.estimate) < MOVED * beside.width:
        return
    show = formatter(row.fit.evidence)
    why = "".join(f", {words}" for words in _why_moved(row, beside))
    yield (
        f"The estimate moves from {show(beside.estimate)} to {show(row.posterior.estimate)}{why}."
    )


def _why_moved(row: Compared, beside: Estimate) -> Iterator[str]:
    tau, common = row.row.exact.tau.median, common_effect(row)
    assert tau is not None
    if row.pool is None or row.row.pool.k == 1 or common is None:
        return
    assumed = (row.pool.tau2 or 0.0) ** 0.5
    nearer = abs(row.posterior.estimate - common) < abs(beside.estimate - common)
    if tau < assumed and nearer:
        yield "towards the more precise studies, which weigh more where tau is smaller"
    elif tau > assumed and not nearer:
        yield "as the studies weigh more alike where tau is larger"


def common_effect(row: Compared) -> float | None:
    """Return the pool by inverse variance with one common effect."""
    found = pool(studies_of(row.row.pool, row.fit.evidence.measure), "IV")
    return None if found is None else found.estimate


def tables(row: Compared) -> Iterator[str]:
    """Mantel-Haenszel's and Peto's weights are not those of the model."""
    beside, common = _beside(row), common_effect(row)
    if row.recipe.method not in ("MH", "Peto") or beside is None or common is None:
        return
    if row.row.pool.k > 1 and abs(common - beside.estimate) >= MOVED / 2 * beside.width:
        yield (
            f"{METHODS[row.recipe.method]} pools whole tables, the model weighs by inverse "
            f"variance, which alone gives {formatter(row.fit.evidence)(common)}."
        )


def prior_on_mu(row: Compared) -> Iterator[str]:
    """The prior on mu has a weight of its own."""
    weight = row.row.exact.prior_weight or 0.0
    if weight >= WEIGHTY:
        yield f"The prior on mu, {row.fit.ask.mu}, has a weight of {100 * weight:.0f}%."


def conclusion(row: Compared) -> Iterator[str]:
    """The two intervals differ on excluding no effect, or the estimates on its side."""
    beside = _beside(row)
    if beside is None:
        return
    one, other = beside.excludes_no_effect, row.posterior.excludes_no_effect
    if one != other:
        verbs = ("excludes", "includes") if one else ("includes", "excludes")
        yield (
            f"The {_whose(row)} interval {verbs[0]} no effect, the credible interval {verbs[1]} it."
        )
    if beside.estimate * row.posterior.estimate < 0:
        yield f"The {_whose(row)} estimate and the posterior median have opposite signs."


def prediction(row: Compared) -> Iterator[str]:
    """The pooled effect is beyond doubt and that of the next study is not."""
    excludes = [x.excludes_no_effect for x in (_beside(row), row.posterior) if x is not None]
    if not any(excludes) or row.prediction.excludes_no_effect:
        return
    show = formatter(row.fit.evidence)
    new = row.row.exact.prob_benefit_new
    word = "benefit" if row.fit.evidence.controlled else "improvement"
    chance = "" if new is None else f"; P({word}) there is {probability(new)}"
    yield (
        "A new study can go either way: its prediction interval, "
        f"{span(show, row.prediction.ci_low, row.prediction.ci_high)}, includes no effect{chance}."
    )


RULES: tuple[Callable[[Compared], Iterator[str]], ...] = (
    agreement,
    other_level,
    heterogeneity,
    prior_on_tau,
    hartung_knapp,
    width,
    shift,
    tables,
    prior_on_mu,
    conclusion,
    prediction,
)


def _beside(row: Compared) -> Estimate | None:
    """Return what the posterior is compared with: published at the same level, or recomputed."""
    return row.published if _whose(row) == "published" else row.recomputed


def _whose(row: Compared) -> str:
    same = row.printed is not None and row.printed.label.level == row.level
    return "published" if same else "recomputed"


def _tau(pool: FrequentistPool) -> str:
    return spread((pool.tau2 or 0.0) ** 0.5)


def _method(row: Compared) -> str:
    name = METHODS[row.recipe.method]
    return f"{name[:1].upper()}{name[1:]}"
