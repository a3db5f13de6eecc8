"""Another oracle, for any prior on mu: the posterior of (mu, tau) as a double integral.

    y_i ~ N(mu, se_i^2 + tau^2),  mu and tau from their priors' own densities.

Nothing is integrated in closed form and no prior is a mixture of normals here. Both integrals are
Gauss-Legendre panels in 80-bit floats: of tau in log tau and one panel next to zero; of mu, for
every tau, between the multiples of 1.5 SDs of the likelihood and the points m +- 3^j s about every
centre m and scale s of the prior. `refine=2` halves every panel: the change is the evidence for
the digits. `in_mpmath` is the same double integral once more, by tanh-sinh in mpmath.

    o = Oracle(y, se, "student-t(4, 0, 2.5)", "half-normal(0.5)")
    o.log_evidence, o.mean("mu"), o.sd("theta_new"), o.cdf("tau", 0.3), o.pdf("mu", 0.1), o.theta(0)
"""

from __future__ import annotations

import re
from math import log
from typing import Any

import mpmath
import numpy as np
from scipy.special import ndtr

LONG = np.longdouble
TWO_PI = LONG(mpmath.nstr(2 * mpmath.pi, 25))
DROP = 50.0
POINTS = 20
STEPS = (-9, -6, -4, -2.5, -1.2, 1.2, 2.5, 4, 6, 9)


def gauss_legendre() -> tuple[Any, Any]:
    """Nodes and weights on (0, 1), from 40 digits."""
    mp = mpmath.MPContext()
    mp.dps = 40
    roots = mp.polyroots(
        mp.taylor(lambda x: mp.legendre(POINTS, x), 0, POINTS)[::-1], 200, extraprec=400
    )
    slopes = [
        POINTS * (x * mp.legendre(POINTS, x) - mp.legendre(POINTS - 1, x)) / (x * x - 1)
        for x in roots
    ]
    weights = [1 / ((1 - x * x) * d * d) for x, d in zip(roots, slopes, strict=True)]
    return tuple(
        np.array([LONG(mp.nstr(v, 25)) for v in values])
        for values in ([(1 + x) / 2 for x in roots], weights)
    )


NODES, WEIGHTS = gauss_legendre()


def panels(edges: Any) -> tuple[Any, Any]:
    """Points and weights of panels between edges, shape (..., e) to (..., (e - 1) POINTS)."""
    width = np.diff(edges)[..., None]
    points = edges[..., :-1, None] + width * NODES
    return tuple(
        x.reshape(*edges.shape[:-1], -1)
        for x in (points, np.broadcast_to(width * WEIGHTS, points.shape))
    )


def numbers(text: str) -> list[float]:
    return [float(x) for x in re.findall(r"(?<![\w-])-?\d[\d.]*(?:e-?\d+)?", text)]


class OfMu:
    """A prior on mu by its density: ``student-t(df, m, s)``, ``mixture(p normal(m, s), ...)``."""

    def __init__(self, text: str) -> None:
        found = numbers(text)
        self.t = text.startswith("student-t")
        self.parts = [(1.0, *found[1:])] if self.t else list(zip(*[iter(found)] * 3, strict=True))
        if text.startswith("normal"):
            self.parts = [(1.0, *found)]
        self.df = found[0]

    def log_density(self, mu: Any, exp: Any = np.exp, log: Any = np.log, of: Any = LONG) -> Any:
        if self.t:
            (_, m, s), nu = self.parts[0], of(self.df)
            z = (mu - of(m)) / of(s)
            constant = (
                mpmath.log(mpmath.gamma((self.df + 1) / 2) / mpmath.gamma(self.df / 2))
                - mpmath.log(self.df * mpmath.pi) / 2
            )
            return of(mpmath.nstr(constant, 25)) - log(of(s)) - (nu + 1) / 2 * log(1 + z * z / nu)
        logs = [
            log(of(p) / of(s))
            - log(2 * of(mpmath.nstr(mpmath.pi, 25))) / 2
            - ((mu - of(m)) / of(s)) ** 2 / 2
            for p, m, s in self.parts
        ]
        if len(logs) == 1:
            return logs[0]
        top = np.maximum.reduce(logs) if of is LONG else max(logs)
        return top + log(sum(exp(x - top) for x in logs))


class OfTau:
    """A prior on tau by its density, and the power it falls by."""

    def __init__(self, text: str) -> None:
        self.name, self.args = text.split("(")[0], numbers(text.partition("(")[2])

    def log_density(self, tau: Any, log: Any = np.log, of: Any = LONG) -> Any:
        a = [of(x) for x in self.args]
        two_over_pi = 2 / of(mpmath.nstr(mpmath.pi, 25))
        if self.name == "half-normal":
            return log(two_over_pi) / 2 - log(a[0]) - (tau / a[0]) ** 2 / 2
        if self.name == "half-cauchy":
            return log(two_over_pi / a[0]) - log(1 + (tau / a[0]) ** 2)
        if self.name == "lomax":
            return log(a[0] / a[1]) - (a[0] + 1) * log(1 + tau / a[1])
        if self.name == "flat":
            return 0 * tau
        raise ValueError(self.name)

    @property
    def scale(self) -> float:
        return self.args[-1] if self.args else 1.0


class Oracle:
    """Posterior of (mu, tau) on nodes of shape (t, m)."""

    def __init__(
        self, y: Any, se: Any, mu: str, tau: str, *, refine: int = 1, order: int = 2
    ) -> None:
        self.y, self.se = (np.asarray(x, dtype=LONG) for x in (y, se))
        self.of_mu, self.of_tau, self.refine = OfMu(mu), OfTau(tau), refine
        self.low = log(min(float(self.se.min()), self.of_tau.scale)) - 2
        scan, heights = [self.low], [self._height(np.exp(LONG(self.low)))]
        while True:
            tops = [
                max(h + (1 + r) * x for x, h in zip(scan, heights, strict=True)) for r in (0, order)
            ]
            ends = [heights[-1] + (1 + r) * scan[-1] for r in (0, order)]
            if all(end < top - DROP for end, top in zip(ends, tops, strict=True)):
                break
            scan.append(scan[-1] + 0.5)
            heights.append(self._height(np.exp(LONG(scan[-1]))))
        self.high, self.peak = scan[-1] + 0.5, LONG(tops[0])
        self.tau, self.mu, self.mass = self._grid()
        self.total = self.mass.sum()
        self.log_evidence = float(np.log(self.total) + self.peak)

    def _log_joint(self, mu: Any, tau: Any) -> Any:
        """Log of p(y | mu, tau) p(mu) p(tau), mu (..., m), tau (..., 1)."""
        variance = self.se**2 + tau[..., None] ** 2
        off = self.y - mu[..., None]
        squares = (np.log(TWO_PI * variance) + off * off / variance).sum(-1)
        return self.of_mu.log_density(mu) + self.of_tau.log_density(tau) - squares / 2

    def _of_likelihood(self, tau: Any) -> tuple[Any, Any]:
        w = 1 / (self.se**2 + tau[:, None] ** 2)
        return (w * self.y).sum(-1) / w.sum(-1), 1 / np.sqrt(w.sum(-1))

    def _mu_edges(self, tau: Any, extra: Any) -> Any:
        centre, sd = (x[:, None] for x in self._of_likelihood(tau))
        low = np.minimum(centre - 11 * sd, min(m - 12 * s for _, m, s in self.of_mu.parts))
        high = np.maximum(centre + 11 * sd, max(m + 12 * s for _, m, s in self.of_mu.parts))
        count = int(
            min(max((centre - low).max() / sd.min(), (high - centre).max() / sd.min()), 999)
        )
        by_sd = centre + sd * np.arange(-count - 1, count + 1.01, 1 / self.refine).astype(LONG)
        reach = float(max(abs(low).max(), abs(high).max()))
        about = [
            m + sign * s * LONG(3) ** j
            for _, m, s in self.of_mu.parts
            for j in np.arange(-1, log(2 * reach / s, 3) + 1, 1 / self.refine).astype(LONG)
            for sign in (-1, 0, 1)
        ]
        fixed = np.broadcast_to(np.array(about, dtype=LONG), (len(tau), len(about)))
        edges = np.concatenate([low, by_sd, fixed, extra, high], -1)
        return np.sort(np.clip(edges, low, high), -1)

    def _height(self, tau: Any) -> float:
        mu, weights = panels(self._mu_edges(np.array([tau]), np.empty((1, 0))))
        logs = self._log_joint(mu, np.array([[tau]]))
        top = logs.max()
        return float(top + np.log((weights * np.exp(logs - top)).sum()))

    def _grid(self, at_tau: Any = (), at_mu: Any = (), by_tau: Any = ()) -> tuple[Any, Any, Any]:
        """Nodes of tau (t, 1) and mu (t, m) with their masses.

        Panels end at the values given, those of mu also at multiples `by_tau` of tau about them.
        """
        logs = np.arange(self.low, self.high + 1e-9, 0.4 / self.refine)
        edges = np.exp(np.concatenate([logs, np.log(np.maximum(at_tau, 1e-300))]).astype(LONG))
        edges = np.sort(edges)
        inner = edges[edges <= np.exp(LONG(self.low))]
        first, first_weights = panels(np.concatenate([np.zeros(1, LONG), inner]))
        x, weights = panels(np.log(edges[edges >= np.exp(LONG(self.low))]))
        tau = np.concatenate([first, np.exp(x)])
        weights = np.concatenate([first_weights, weights * np.exp(x)])
        about = np.array(at_mu, dtype=LONG) + tau[:, None] * np.array([0.0, *by_tau], dtype=LONG)
        mu, of_mu = panels(self._mu_edges(tau, about if len(at_mu) else np.empty((len(tau), 0))))
        mass = np.exp(self._log_joint(mu, tau[:, None]) - self.peak) * of_mu * weights[:, None]
        return tau[:, None], mu, mass

    # -- what is asked ---------------------------------------------------------------------------

    def theta(self, i: int) -> tuple[float, float]:
        """Mean and SD of the effect of a study."""
        kept = self.tau**2 / (self.tau**2 + self.se[i] ** 2)
        mean = kept * self.y[i] + (1 - kept) * self.mu
        variance = kept * self.se[i] ** 2
        first = self._average(mean)
        return float(first), float(np.sqrt(self._average(variance + (mean - first) ** 2)))

    def mean(self, quantity: str) -> float:
        return float(self._average(self.tau if quantity == "tau" else self.mu))

    def sd(self, quantity: str) -> float:
        of = self.tau if quantity == "tau" else self.mu
        more = self.tau**2 if quantity == "theta_new" else 0
        return float(np.sqrt(self._average((of - self._average(of)) ** 2 + more)))

    def cdf(self, quantity: str, x: float) -> float:
        if quantity == "theta_new":
            tau, mu, mass = self._grid(at_mu=[x], by_tau=STEPS)
            return float((mass * ndtr(((x - mu) / tau).astype(float))).sum() / self.total)
        tau, mu, mass = self._grid(**{f"at_{quantity}": [x]})
        below = (mu if quantity == "mu" else tau + 0 * mu) < LONG(x)
        return float(mass[below].sum() / self.total)

    def pdf(self, quantity: str, x: float) -> float:
        if quantity == "theta_new":
            tau, mu, mass = self._grid(at_mu=[x], by_tau=STEPS)
            bell = np.exp(-(((x - mu) / tau) ** 2) / 2) / tau / np.sqrt(TWO_PI)
            return float((mass * bell).sum() / self.total)
        if quantity == "tau":
            return float(np.exp(LONG(self._height(LONG(x))) - self.peak) / self.total)
        # At one mu, over the same tau: the weights of those are in the masses.
        span = 22 * self._of_likelihood(self.tau[:, 0])[1]
        weights = (self.mass / np.exp(self._log_joint(self.mu, self.tau) - self.peak)).sum(
            -1
        ) / span
        logs = self._log_joint(np.full_like(self.tau, LONG(x)), self.tau)[:, 0]
        return float((np.exp(logs - self.peak) * weights).sum() / self.total)

    def weights(self) -> tuple[Any, float]:
        """Posterior means of ``w_i / W`` and of the prior's part, for a t by its latent precision.

        ``mu | p ~ N(m, s^2 / p)``, ``p ~ gamma(df / 2, df / 2)``, over log p and log tau.
        """
        half = self.of_mu.df / 2
        _, m, s = self.of_mu.parts[0]
        x, of_x = panels(np.arange(-80 / half, 8.0, 0.5 / self.refine).astype(LONG))
        tau, of_tau = panels(np.arange(self.low - 40, self.high, 0.5).astype(LONG))
        tau = np.exp(tau)
        w = 1 / (self.se**2 + tau[:, None] ** 2)
        total = w.sum(-1)
        centre = (w * self.y).sum(-1) / total
        flat = (
            np.log(w).sum(-1) - np.log(total) - (w * (self.y - centre[:, None]) ** 2).sum(-1)
        ) / 2
        variance = s**2 * np.exp(-x) + 1 / total[:, None]
        logs = (
            flat[:, None]
            + (self.of_tau.log_density(tau) + np.log(tau))[:, None]
            - (np.log(variance) + (centre[:, None] - m) ** 2 / variance) / 2
            + half * (x - np.exp(x))
        )
        mass = np.exp(logs - logs.max()) * of_tau[:, None] * of_x
        mass /= mass.sum()
        inverse = (mass / (total[:, None] + np.exp(x) / s**2)).sum(-1)
        return (w * inverse[:, None]).sum(0).astype(float), float(1 - (inverse * total).sum())

    def _average(self, values: Any) -> Any:
        return (self.mass * values).sum() / self.total


def in_mpmath(y: Any, se: Any, mu: str, tau: str, digits: int = 20) -> tuple[float, float]:
    """Log evidence and mean of mu by nested tanh-sinh quadrature over the whole plane."""
    mp = mpmath.MPContext()
    mp.dps = digits
    of_mu, of_tau = OfMu(mu), OfTau(tau)
    y, v = [mp.mpf(float(x)) for x in y], [mp.mpf(float(x)) ** 2 for x in se]

    def likelihood(m: Any, t: Any) -> Any:
        squares = sum(
            mp.log(2 * mp.pi * (u + t * t)) + (x - m) ** 2 / (u + t * t)
            for x, u in zip(y, v, strict=True)
        )
        return mp.exp(of_mu.log_density(m, mp.exp, mp.log, mp.mpf) - squares / 2)

    def inner(t: Any, power: int) -> Any:
        centre = sum(y) / len(y)
        reach = 12 * mp.sqrt(max(v) + t * t)
        cuts = sorted(
            {*(mp.mpf(m) for _, m, _ in of_mu.parts), centre - reach, centre, centre + reach}
        )
        return mp.quad(lambda m: m**power * likelihood(m, t), cuts)

    ends = [
        0,
        of_tau.scale / 2,
        of_tau.scale,
        2 * of_tau.scale,
        4 * of_tau.scale,
        10 * of_tau.scale,
    ]
    found = [
        mp.quad(lambda t, r=r: inner(t, r) * mp.exp(of_tau.log_density(t, mp.log, mp.mpf)), ends)
        for r in (0, 1)
    ]
    return float(mp.log(found[0])), float(found[1] / found[0])
