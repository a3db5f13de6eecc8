"""High-precision oracle for the normal-normal model: slow, simple, and sharing no code with `src`.

    y_i ~ N(theta_i, se_i^2),  theta_i ~ N(mu, tau^2),  mu flat or normal,  tau from its prior.

Everything is Gaussian given tau, so a posterior is an integral over tau alone. It is done here in
mpmath by composite Gauss-Legendre panels: one linear panel next to zero, panels of equal width in
log tau above it, out to where the integrand (times the highest moment that exists) has lost
`DROP` nats. `rule="sinh"` does the same integrals by a different substitution and a different
rule (double-exponential trapezoid); agreement of the two is the evidence for the digits. tau's
CDF is a genuine partial integral under both.

    o = Oracle(y, se, "half-normal(10)", "normal(0, 50)")
    o.mu.mean(), o.mu.sd(), o.mu.quantile(0.5), o.mu.cdf(0), o.mu.pdf(0), o.mu.mode()
    o.tau, o.theta_new, o.theta[0], o.i2           the same questions
    o.mu.interval(0.95)                            shortest interval, None if several modes
    o.log_marginal_likelihood, o.weights, o.prior_weight

Moments that do not exist are None. Parameters and data are taken as the doubles they are.
"""

from __future__ import annotations

import math
import re
from functools import lru_cache
from itertools import pairwise
from typing import Any

import mpmath
import numpy as np
from scipy.optimize import brentq
from scipy.special import ndtr

DROP = 66  # nats below the peak at which the range ends: e^-66 = 2e-29
PANEL_NODES = 24  # Gauss-Legendre nodes a panel
FAR = 10_000  # panels may be wider where tau exceeds every scale of the problem this many times

Number = Any  # mpf


class Oracle:
    """Posterior of the normal-normal random-effects model, to about `digits` - 6 digits.

    Parameters
    ----------
    y, se : sequences of float
        Estimates and standard errors.
    tau_prior : str
        ``half-normal(s)``, ``half-cauchy(s)``, ``half-student-t(nu, s)``, ``exponential(rate)``,
        ``gamma(shape, rate)`` of shape 1 and above, ``inverse-gamma(shape, scale)`` (of tau^2),
        ``log-normal(m, s)`` (of log tau), ``uniform(a, b)`` or ``fixed(x)``.
    mu_prior : str
        ``flat`` or ``normal(m, s)``.
    rule : {"panels", "sinh"}
        Quadrature over tau.
    refine : int
        Divides the width of panels (or the step); 2 checks convergence by doubling.
    """

    def __init__(
        self,
        y: Any,
        se: Any,
        tau_prior: str,
        mu_prior: str = "flat",
        *,
        digits: int = 30,
        rule: str = "panels",
        refine: int = 1,
    ) -> None:
        self.mp = mp = mpmath.MPContext()
        mp.dps = digits + 6
        self.rule, self.refine = rule, refine
        self.y = [mp.mpf(float(v)) for v in y]
        self.v = [mp.mpf(float(v)) ** 2 for v in se]
        self.k = len(self.y)
        self.prior = TauPrior(mp, tau_prior)
        name, args = parse(mu_prior)
        self.mu_flat = name == "flat"
        self.m0, self.v0 = (None, None) if self.mu_flat else (mp.mpf(args[0]), mp.mpf(args[1]) ** 2)
        w = [1 / v for v in self.v]
        self.typical_variance = (
            self.v[0]
            if self.k == 1
            else (self.k - 1) * sum(w) / (sum(w) ** 2 - sum(x * x for x in w))
        )
        self._set_nodes()

    # -- the model given tau -----------------------------------------------------------------

    def given(self, tau: Number) -> tuple[list[Number], Number, Number]:
        """``(w_i), W, m`` at tau; W and m include the prior on mu."""
        w = [1 / (v + tau * tau) for v in self.v]
        total = sum(w)
        top = sum(a * b for a, b in zip(w, self.y, strict=True))
        if not self.mu_flat:
            total += 1 / self.v0
            top += self.m0 / self.v0
        return w, total, top / total

    def log_likelihood(self, tau: Number) -> Number:
        """Log p(y | tau), mu integrated out, all constants."""
        mp = self.mp
        w, total, m = self.given(tau)
        log2pi = mp.log(2 * mp.pi)
        out = sum(mp.log(a) for a in w) / 2 - self.k * log2pi / 2
        out += (log2pi - mp.log(total)) / 2
        out -= sum(a * (b - m) ** 2 for a, b in zip(w, self.y, strict=True)) / 2
        if not self.mu_flat:
            out -= (log2pi + mp.log(self.v0)) / 2 + (m - self.m0) ** 2 / self.v0 / 2
        return out

    def log_q(self, tau: Number) -> Number:
        """Log of the unnormalised posterior density of tau."""
        return self.log_likelihood(tau) + self.prior.log_density(tau)

    def score(self, tau: Number) -> Number:
        """Derivative of `log_q`."""
        w, total, m = self.given(tau)
        inner = -sum(w) + sum(a * a for a in w) / total
        inner += sum((a * (b - m)) ** 2 for a, b in zip(w, self.y, strict=True))
        return tau * inner + self.prior.score(tau)

    def moment_exists(self, what: str, r: int) -> bool:
        """Whether the moment of order r of tau, theta_new or mu is finite."""
        a = self.prior.tail
        if a is None or (what == "mu" and not self.mu_flat):
            return True
        return a + self.k - (1 if self.mu_flat else 0) - r > 1

    # -- quadrature over tau -----------------------------------------------------------------

    def _set_nodes(self) -> None:
        mp = self.mp
        if self.prior.name == "fixed":
            self.tau_nodes, self.q = [self.prior.args[0]], [mp.mpf(1)]
            self.log_z = self.log_likelihood(self.prior.args[0])
        else:
            self._find_range()
            build = {"panels": self._panel_nodes, "sinh": self._sinh_nodes}[self.rule]
            tau, mass = build()
            z = mp.fsum(mass)
            self.log_z = self.log_peak + mp.log(z)
            self.tau_nodes = tau
            self.q = [a / z for a in mass]
        # a node stays if it carries mass or any of the highest moment that exists
        power = max([r for r in (1, 2) if self.moment_exists("tau", r)], default=0)
        share = [a * t**power for a, t in zip(self.q, self.tau_nodes, strict=True)]
        small = self.mp.mpf(10) ** -34
        total = sum(share)
        keep = [
            j
            for j, (a, b) in enumerate(zip(self.q, share, strict=True))
            if a > small or b > small * total
        ]
        self._mix_taus = [self.tau_nodes[j] for j in keep]
        self._mix_q = [self.q[j] for j in keep]
        state = [self.given(t) for t in self._mix_taus]
        means = [s[2] for s in state]
        variances = [1 / s[1] for s in state]
        exists = self.moment_exists
        self.mu = Mixture(mp, self._mix_q, means, variances, exists("mu", 1), exists("mu", 2))
        self.theta_new = Mixture(
            mp,
            self._mix_q,
            means,
            [a + t * t for a, t in zip(variances, self._mix_taus, strict=True)],
            exists("theta_new", 1),
            exists("theta_new", 2),
        )
        self.theta = [self._study(i, means, variances) for i in range(self.k)]
        self.tau = Tau(self)
        self.i2 = I2(self)
        self.weights = [
            mp.fsum(q * s[0][i] / s[1] for q, s in zip(self._mix_q, state, strict=True))
            for i in range(self.k)
        ]
        self.prior_weight = (
            mp.mpf(0)
            if self.mu_flat
            else mp.fsum(q / self.v0 / s[1] for q, s in zip(self._mix_q, state, strict=True))
        )
        self.log_marginal_likelihood = None if self.mu_flat else self.log_z

    def _study(self, i: int, means: list[Number], variances: list[Number]) -> Mixture:
        b = [t * t / (t * t + self.v[i]) for t in self._mix_taus]
        mean = [c * self.y[i] + (1 - c) * m for c, m in zip(b, means, strict=True)]
        var = [c * self.v[i] + (1 - c) ** 2 * u for c, u in zip(b, variances, strict=True)]
        return Mixture(self.mp, self._mix_q, mean, var, True, True)

    def _find_range(self) -> None:
        """Ends of the range and the height of the integrand, by a scan in log tau."""
        mp = self.mp
        scales = [mp.sqrt(v) for v in self.v] + [max(self.y) - min(self.y), *self.prior.scales]
        if not self.mu_flat:
            scales += [mp.sqrt(self.v0), max(abs(b - self.m0) for b in self.y)]
        scales = [s for s in scales if s > 0]
        self.small = min(1 / mp.sqrt(sum(1 / v for v in self.v)), *self.prior.scales) / 2
        self.large = max(scales)
        a, b = self.prior.lower, self.prior.upper
        if b is not None:
            self.low, self.high = a, b
            lo, hi = mp.log(max(a, self.small / 1000)), mp.log(b)
        else:
            lo, hi = mp.log(self.small) - 4, mp.log(self.large) + 80
            if self.prior.name == "log-normal":
                lo = min(lo, self.prior.args[0] - 14 * self.prior.args[1])
        step = mp.mpf(1) / 4
        grid = [lo + j * step for j in range(int((hi - lo) / step) + 1)] + [hi]
        logs = [self.log_q(mp.exp(v)) for v in grid]
        self.log_peak = max(logs)
        powers = [1] + [r + 1 for r in (1, 2) if self.moment_exists("tau", r)]
        if b is None:
            ends = []
            for p in powers:
                g = [c + p * v for c, v in zip(logs, grid, strict=True)]
                ends.append(max(j for j, c in enumerate(g) if c > max(g) - DROP))
            assert max(ends) < len(grid) - 2, "range of tau not found"
            self.high = mp.exp(grid[max(ends) + 1])
            g = [c + v for c, v in zip(logs, grid, strict=True)]
            first = min(j for j, c in enumerate(g) if c > max(g) - DROP)
            self.low = mp.exp(grid[first - 1]) if first > 0 else mp.mpf(0)
        g = [c + v for c, v in zip(logs, grid, strict=True)]
        self.center = mp.exp(grid[g.index(max(g))])

    def _edges(self) -> list[tuple[bool, Number, Number]]:
        """Panels as (logarithmic?, lower, upper), the ends in tau or log tau."""
        mp = self.mp
        out = []
        start = self.low
        if start == 0:
            start = min(self.small, self.high)
            cuts = [start * j / self.refine for j in range(self.refine + 1)]
            out += [(False, c, d) for c, d in pairwise(cuts)]
        v, end, far = mp.log(start), mp.log(self.high), mp.log(self.large * FAR)
        while v < end:
            width = mp.mpf(1 if v < far else 3) / self.refine
            upper = v + width if v + width < end - width / 1000 else end
            out.append((True, v, upper))
            v = upper
        return out

    def _panel(self, panel: tuple[bool, Number, Number]) -> tuple[list[Number], list[Number]]:
        """Nodes of a panel and their masses relative to exp(log_peak)."""
        mp = self.mp
        is_log, lo, hi = panel
        x, w = gauss_legendre(PANEL_NODES, mp.dps)
        half, mid = (hi - lo) / 2, (hi + lo) / 2
        points = [mid + half * t for t in x]
        tau = [mp.exp(p) for p in points] if is_log else points
        mass = [
            half * c * mp.exp(self.log_q(t) - self.log_peak) * (t if is_log else 1)
            for c, t in zip(w, tau, strict=True)
        ]
        return tau, mass

    def _panel_nodes(self) -> tuple[list[Number], list[Number]]:
        self.panels = self._edges()
        tau, mass, self.cumulative = [], [], [self.mp.mpf(0)]
        for panel in self.panels:
            t, m = self._panel(panel)
            tau += t
            mass += m
            self.cumulative.append(self.cumulative[-1] + self.mp.fsum(m))
        return tau, mass

    def _sinh_nodes(self) -> tuple[list[Number], list[Number]]:
        """tau = c exp(pi/2 sinh t) on the half line, tanh-sinh on a finite interval."""
        mp = self.mp
        if self.prior.upper is not None:
            return self._tanh_sinh(self.prior.lower, self.prior.upper)
        h = mp.mpf(1) / (64 * self.refine)
        c = self.center
        lo = mp.log(self.low / c) if self.low > 0 else mp.log(self.small / c) - DROP - 10
        first = mp.asinh(2 * lo / mp.pi)
        last = mp.asinh(2 * mp.log(self.high / c) / mp.pi)
        tau, mass = [], []
        for j in range(int(mp.floor(first / h)), int(mp.ceil(last / h)) + 1):
            t = j * h
            x = c * mp.exp(mp.pi / 2 * mp.sinh(t))
            tau.append(x)
            jac = h * x * mp.pi / 2 * mp.cosh(t)
            mass.append(jac * mp.exp(self.log_q(x) - self.log_peak))
        return tau, mass

    def _tanh_sinh(self, a: Number, b: Number) -> tuple[list[Number], list[Number]]:
        mp = self.mp
        h = mp.mpf(1) / (48 * self.refine)
        tau, mass = [], []
        for j in range(-int(4 / h), int(4 / h) + 1):
            s = mp.pi / 2 * mp.sinh(j * h)
            u = 1 / (1 + mp.exp(-2 * s))
            jac = 2 * u * (1 - u) if s < 0 else 2 * u / (1 + mp.exp(2 * s))
            x = a + (b - a) * u
            if x <= 0 or jac < mp.mpf(10) ** -45:
                continue
            tau.append(x)
            jac *= (b - a) * h * mp.pi / 2 * mp.cosh(j * h)
            mass.append(jac * mp.exp(self.log_q(x) - self.log_peak))
        return tau, mass


class TauPrior:
    """A prior on tau: log density and its derivative, tail power (None if light) and ends."""

    def __init__(self, mp: Any, text: str) -> None:
        self.mp = mp
        self.name, args = parse(text)
        self.args = a = [mp.mpf(x) for x in args]
        self.lower, self.upper = mp.mpf(0), None
        self.tail = None
        if self.name == "half-cauchy":
            self.tail, self.scales = 2, a
        elif self.name == "half-student-t":
            self.tail, self.scales = a[0] + 1, a[1:]
        elif self.name == "exponential":
            self.scales = [1 / a[0]]
        elif self.name == "log-normal":
            self.scales = [mp.exp(a[0])]
        elif self.name == "gamma":
            self.scales = [1 / a[1]]
        elif self.name == "inverse-gamma":
            self.tail, self.scales = 2 * a[0] + 1, [mp.sqrt(a[1])]
        elif self.name == "uniform":
            self.lower, self.upper, self.scales = a[0], a[1], [a[1]]
        else:
            self.scales = a

    @property
    def positive_at_zero(self) -> bool:
        away = ("log-normal", "inverse-gamma", "gamma", "fixed")
        return self.name not in away and self.lower == 0

    def log_density(self, t: Number) -> Number:
        mp, a = self.mp, self.args
        if self.name == "half-normal":
            return mp.log(2 / mp.pi) / 2 - mp.log(a[0]) - (t / a[0]) ** 2 / 2
        if self.name == "half-cauchy":
            return mp.log(2 / (mp.pi * a[0])) - mp.log1p((t / a[0]) ** 2)
        if self.name == "half-student-t":
            nu, s = a
            const = mp.log(2) + mp.loggamma((nu + 1) / 2) - mp.loggamma(nu / 2)
            const -= mp.log(nu * mp.pi) / 2 + mp.log(s)
            return const - (nu + 1) / 2 * mp.log1p((t / s) ** 2 / nu)
        if self.name == "exponential":
            return mp.log(a[0]) - a[0] * t
        if self.name == "log-normal":
            z = (mp.log(t) - a[0]) / a[1]
            return -mp.log(2 * mp.pi) / 2 - mp.log(a[1]) - mp.log(t) - z * z / 2
        if self.name == "uniform":
            return -mp.log(a[1] - a[0])
        if self.name == "gamma":
            shape, rate = a
            const = shape * mp.log(rate) - mp.loggamma(shape)
            return const + (shape - 1) * mp.log(t) - rate * t
        if self.name == "inverse-gamma":
            shape, scale = a
            const = mp.log(2) + shape * mp.log(scale) - mp.loggamma(shape)
            return const - (2 * shape + 1) * mp.log(t) - scale / (t * t)
        raise ValueError(self.name)

    def score(self, t: Number) -> Number:
        mp, a = self.mp, self.args
        if self.name == "half-normal":
            return -t / a[0] ** 2
        if self.name == "half-cauchy":
            return -2 * t / (a[0] ** 2 + t * t)
        if self.name == "half-student-t":
            nu, s = a
            return -(nu + 1) * t / (nu * s * s + t * t)
        if self.name == "exponential":
            return -a[0]
        if self.name == "log-normal":
            return -(1 + (mp.log(t) - a[0]) / a[1] ** 2) / t
        if self.name == "gamma":
            return (a[0] - 1) / t - a[1]
        if self.name == "inverse-gamma":
            return -(2 * a[0] + 1) / t + 2 * a[1] / t**3
        return mp.mpf(0)


class Mixture:
    """A finite mixture of normals in mpmath; doubles only find the starting points."""

    def __init__(
        self,
        mp: Any,
        q: list[Number],
        m: list[Number],
        v: list[Number],
        has_mean: bool,
        has_sd: bool,
    ) -> None:
        self.mp, self.q, self.m, self.v = mp, q, m, v
        self.has_mean, self.has_sd = has_mean, has_sd
        self.s = [mp.sqrt(x) for x in v]
        self.scaled = [1 / (x * mp.sqrt(2)) for x in self.s]
        self.height = [a / (x * mp.sqrt(2 * mp.pi)) for a, x in zip(q, self.s, strict=True)]
        self.fq, self.fm, self.fs = (np.array([float(x) for x in z]) for z in (q, m, self.s))
        heavy = self.fq > 1e-13
        self.fq, self.fm, self.fs = self.fq[heavy], self.fm[heavy], self.fs[heavy]

    def mean(self) -> Number | None:
        if not self.has_mean:
            return None
        return self.mp.fsum(a * b for a, b in zip(self.q, self.m, strict=True))

    def sd(self) -> Number | None:
        if not self.has_sd:
            return None
        center = self.mean()
        terms = zip(self.q, self.m, self.v, strict=True)
        return self.mp.sqrt(self.mp.fsum(a * (c + (b - center) ** 2) for a, b, c in terms))

    def cdf(self, x: Number) -> Number:
        mp = self.mp
        x = mp.mpf(x)
        terms = zip(self.q, self.m, self.scaled, strict=True)
        return mp.fsum(a * mp.erfc((b - x) * c) for a, b, c in terms) / 2

    def pdf(self, x: Number) -> Number:
        return self._density(x)[0]

    def _density(self, x: Number) -> tuple[Number, Number, Number]:
        """Density and its first two derivatives."""
        mp = self.mp
        x = mp.mpf(x)
        f = f1 = f2 = mp.mpf(0)
        for h, m, v in zip(self.height, self.m, self.v, strict=True):
            d = (x - m) / v
            e = h * mp.exp(-(x - m) * d / 2)
            f += e
            f1 -= e * d
            f2 += e * (d * d - 1 / v)
        return f, f1, f2

    def quantile(self, p: Number) -> Number:
        mp = self.mp
        x = mp.mpf(self._start(float(p)))
        p = mp.mpf(p) if not isinstance(p, float) else mp.mpf(repr(p))
        for _ in range(20):
            f = self.pdf(x)
            step = (p - self.cdf(x)) / f
            x += step
            if abs(step) * f < mp.mpf(10) ** -15:  # quadratic: the next is below 1e-28
                return x
        raise ArithmeticError(f"quantile {p}: last step {mp.nstr(step, 5)}")

    def _start(self, p: float) -> float:
        spread = 40 * self.fs
        lo, hi = float((self.fm - spread).min()), float((self.fm + spread).max())
        return brentq(lambda x: self._fcdf(x) - p, lo, hi, xtol=1e-300, rtol=9e-16, maxiter=500)

    def _fcdf(self, x: float) -> float:
        return float(self.fq @ ndtr((x - self.fm) / self.fs))

    def modes(self) -> list[Number]:
        """All local maxima of the density."""
        mp = self.mp
        use = self.fq > 1e-9
        stride = max(1, int(use.sum()) // 150)
        m, s = self.fm[use][::stride], self.fs[use][::stride]
        z = np.linspace(-3, 3, 25)
        grid = np.unique((m[:, None] + s[:, None] * z).ravel())
        slope = np.empty(grid.size)
        for j in range(0, grid.size, 2000):
            d = (grid[j : j + 2000, None] - self.fm) / self.fs
            slope[j : j + 2000] = -(np.exp(-d * d / 2) * d) @ (self.fq / self.fs**2)
        found: list[Number] = []
        turns = np.flatnonzero((slope[:-1] > 0) & (slope[1:] <= 0))
        for j in turns:
            x = self._root(mp.mpf(float(grid[j])), mp.mpf(float(grid[j + 1])))
            if x is not None and all(abs(x - y) > mp.mpf(10) ** -10 * self.s[0] for y in found):
                found.append(x)
        return found

    def _root(self, lo: Number, hi: Number) -> Number | None:
        """Zero of the derivative in the bracket: Newton, bisecting when it leaves."""
        width = hi - lo
        lo, hi = lo - width / 1000, hi + width / 1000
        if self._density(lo)[1] <= 0 or self._density(hi)[1] >= 0:
            return None
        x = (lo + hi) / 2
        tiny = self.mp.mpf(10) ** -26
        for _ in range(200):
            _, f1, f2 = self._density(x)
            lo, hi = (x, hi) if f1 > 0 else (lo, x)
            new = x - f1 / f2 if f2 < 0 else (lo + hi) / 2
            new = new if lo <= new <= hi else (lo + hi) / 2
            if abs(new - x) < tiny * min(self.s):
                return new
            x = new
        raise ArithmeticError("mode not found")

    def mode(self) -> Number:
        return max(self.modes(), key=self.pdf)

    def interval(self, level: float = 0.95) -> tuple[Number, Number] | None:
        """Shortest interval; None where the density has several modes."""
        if len(self.modes()) != 1:
            return None
        gap = 1 - level

        def imbalance(p: float) -> float:
            a, b = self._start(p), self._start(p + level)
            return self._fpdf(b) - self._fpdf(a)

        p = brentq(imbalance, gap * 1e-6, gap * (1 - 1e-6), xtol=1e-14)
        mp = self.mp
        lo, hi = mp.mpf(self._start(p)), mp.mpf(self._start(p + level))
        return equal_density(mp, self.cdf, self._density, lo, hi, mp.mpf(repr(level)))

    def _fpdf(self, x: float) -> float:
        d = (x - self.fm) / self.fs
        return float(np.exp(-d * d / 2) @ (self.fq / self.fs)) / math.sqrt(2 * math.pi)


class Tau:
    """Posterior of tau itself: partial integrals of its own density."""

    def __init__(self, oracle: Oracle) -> None:
        self.o, self.mp = oracle, oracle.mp
        self.point = oracle.prior.args[0] if oracle.prior.name == "fixed" else None

    def mean(self) -> Number | None:
        if not self.o.moment_exists("tau", 1):
            return None
        return self.mp.fsum(a * t for a, t in zip(self.o.q, self.o.tau_nodes, strict=True))

    def sd(self) -> Number | None:
        if not self.o.moment_exists("tau", 2):
            return None
        c = self.mean()
        nodes = zip(self.o.q, self.o.tau_nodes, strict=True)
        return self.mp.sqrt(self.mp.fsum(a * (t - c) ** 2 for a, t in nodes))

    def pdf(self, x: Number) -> Number | None:
        if self.point is not None:
            return None
        o = self.o
        return self.mp.exp(o.log_q(self.mp.mpf(x)) - o.log_z)

    def _density(self, x: Number) -> tuple[Number, Number]:
        f = self.pdf(x)
        return f, f * self.o.score(x)

    def cdf(self, x: Number) -> Number:
        mp, o = self.mp, self.o
        x = mp.mpf(x)
        if self.point is not None:
            return mp.mpf(x >= self.point)
        if x <= o.prior.lower:
            return mp.mpf(0)
        if o.prior.upper is not None and x >= o.prior.upper:
            return mp.mpf(1)
        scale = mp.exp(o.log_peak - o.log_z)
        if o.rule == "sinh":
            return mp.fsum(o._tanh_sinh(o.prior.lower, x)[1]) * scale
        if x >= o.high:
            return mp.mpf(1)
        if x <= o.low:
            return mp.mpf(0)
        total = mp.mpf(0)
        for j, (is_log, lo, hi) in enumerate(o.panels):
            end = mp.log(x) if is_log else x
            if end < hi:
                total = o.cumulative[j] + mp.fsum(o._panel((is_log, lo, end))[1])
                break
        return total * scale

    def quantile(self, p: Number) -> Number:
        mp, o = self.mp, self.o
        if self.point is not None:
            return self.point
        p = mp.mpf(repr(p)) if isinstance(p, float) else mp.mpf(p)
        if o.rule == "panels":
            scale = mp.exp(o.log_peak - o.log_z)
            j = max(i for i, c in enumerate(o.cumulative[:-1]) if c * scale <= p)
            is_log, lo, hi = o.panels[j]
            lo, hi = (mp.exp(lo), mp.exp(hi)) if is_log else (lo, hi)
        else:
            lo, hi = o.low, o.high
        x = (lo + hi) / 2 if lo == 0 else mp.sqrt(lo * hi)
        for _ in range(300):
            gap = p - self.cdf(x)
            lo, hi = (x, hi) if gap > 0 else (lo, x)
            new = x + gap / self.pdf(x)
            if abs(gap) < mp.mpf(10) ** -15:
                return new
            if not lo < new < hi:
                new = (lo + hi) / 2 if lo == 0 else mp.sqrt(lo * hi)
            x = new
        raise ArithmeticError(f"quantile {p} of tau")

    def _grid(self) -> list[Number]:
        mp, o = self.mp, self.o
        lo = max(o.low, o.small / 1000)
        hi = min(o.high, o.large * FAR * 100)
        n = 400
        ratio = (hi / lo) ** (mp.mpf(1) / n)
        grid = [lo * ratio**j for j in range(n)] + [hi]
        if o.low > 0 and o.prior.upper is not None:
            grid[0] = o.low
        return grid

    def modes(self, extra: Any = None) -> list[Number]:
        """Local maxima of the density; `extra` is added to the derivative of its log."""
        if self.point is not None:
            return [self.point]
        o = self.o

        def slope(t: Number) -> Number:
            return o.score(t) + (extra(t) if extra else 0)

        grid = self._grid()
        signs = [slope(t) > 0 for t in grid]
        out = []
        if not signs[0] and (o.prior.positive_at_zero or o.prior.name == "uniform"):
            out.append(o.prior.lower)
        out += [
            bracketed(self.mp, slope, grid[j], grid[j + 1])
            for j in range(len(grid) - 1)
            if signs[j] and not signs[j + 1]
        ]
        if signs[-1]:
            assert o.prior.upper is not None
            out.append(o.prior.upper)
        return out

    def mode(self) -> Number:
        if self.point is not None:
            return self.point
        if self._flat():
            return self.o.prior.lower
        return max(self.modes(), key=self.o.log_q)

    def _flat(self) -> bool:
        """One study and flat mu under a uniform prior: the posterior is that prior."""
        return self.o.prior.name == "uniform" and self.o.k == 1 and self.o.mu_flat

    def interval(self, level: float = 0.95) -> tuple[Number, Number] | None:
        """Shortest interval; None where the density has several modes or is flat."""
        if self.point is not None:
            return self.point, self.point
        modes, o, mp = self.modes(), self.o, self.mp
        if len(modes) != 1 or self._flat():
            return None
        exact = mp.mpf(repr(level))
        a, b = o.prior.lower, o.prior.upper
        if o.prior.name not in ("log-normal", "inverse-gamma"):
            q = self.quantile(exact)
            if self.pdf(a) >= self.pdf(q):
                return a, q
        if b is not None:
            q = self.quantile(1 - exact)
            if self.pdf(b) >= self.pdf(q):
                return q, b
        # start: the level set of the density on the grid that holds the mass
        grid = self._grid()
        f = np.array([float(self.pdf(t)) for t in grid])
        t = np.array([float(x) for x in grid])
        order = np.sort(f)
        lo, hi = 0, len(order) - 1
        while hi - lo > 1:
            mid = (lo + hi) // 2
            inside = np.flatnonzero(f >= order[mid])
            left, right = grid[inside[0]], grid[inside[-1]]
            lo, hi = (mid, hi) if self.cdf(right) - self.cdf(left) > exact else (lo, mid)
        inside = np.flatnonzero(f >= order[lo])
        left, right = mp.mpf(t[inside[0]]), mp.mpf(t[inside[-1]])
        return equal_density(mp, self.cdf, self._density, left, right, exact)


class I2:
    """I^2 = tau^2 / (tau^2 + s^2), a monotone function of tau."""

    def __init__(self, oracle: Oracle) -> None:
        self.o, self.mp, self.s2 = oracle, oracle.mp, oracle.typical_variance

    def of(self, tau: Number) -> Number:
        return tau * tau / (tau * tau + self.s2)

    def mean(self) -> Number:
        nodes = zip(self.o.q, self.o.tau_nodes, strict=True)
        return self.mp.fsum(a * self.of(t) for a, t in nodes)

    def sd(self) -> Number:
        c = self.mean()
        nodes = zip(self.o.q, self.o.tau_nodes, strict=True)
        return self.mp.sqrt(self.mp.fsum(a * (self.of(t) - c) ** 2 for a, t in nodes))

    def _tau(self, x: Number) -> Number:
        x = self.mp.mpf(x)
        return self.mp.sqrt(self.s2 * x / (1 - x))

    def cdf(self, x: Number) -> Number:
        return self.o.tau.cdf(self._tau(x))

    def pdf(self, x: Number) -> Number | None:
        t = self._tau(x)
        f = self.o.tau.pdf(t)
        return None if f is None else f * (t * t + self.s2) ** 2 / (2 * t * self.s2)

    def quantile(self, p: Number) -> Number:
        return self.of(self.o.tau.quantile(p))

    def mode(self) -> Number | None:
        """0 where the density is unbounded there; None where it is unbounded at 1 as well."""
        o = self.o
        if o.tau.point is not None:
            return self.of(o.tau.point)
        if o.prior.positive_at_zero:
            power = None if o.prior.tail is None else o.prior.tail + o.k - (1 if o.mu_flat else 0)
            return None if power is not None and power < 3 else self.mp.mpf(0)
        log = self.mp.log

        def extra(t: Number) -> Number:
            return 4 * t / (t * t + self.s2) - 1 / t

        def height(t: Number) -> Number:
            return o.log_q(t) + 2 * log(t * t + self.s2) - log(t)

        return self.of(max(o.tau.modes(extra), key=height))


# -- tools ---------------------------------------------------------------------------------------


def parse(text: str) -> tuple[str, list[float]]:
    """``half-normal(10)`` -> ``("half-normal", [10.0])``."""
    found = re.fullmatch(r"\s*([a-z-]+)\s*(?:\((.*)\))?\s*", text)
    if found is None:
        raise ValueError(text)
    return found[1], [float(a) for a in (found[2] or "").split(",") if a.strip()]


@lru_cache
def gauss_legendre(n: int, digits: int) -> tuple[list[Number], list[Number]]:
    """Nodes and weights on (-1, 1) by Newton on the three-term recurrence."""
    mp = mpmath.MPContext()
    mp.dps = digits + 10
    nodes, weights = [], []
    for i in range(n):
        x = -mp.cos(mp.pi * (i + mp.mpf(3) / 4) / (n + mp.mpf(1) / 2))
        for _ in range(12):
            p0, p1 = mp.mpf(1), x
            for j in range(2, n + 1):
                p0, p1 = p1, ((2 * j - 1) * x * p1 - (j - 1) * p0) / j
            slope = n * (x * p1 - p0) / (x * x - 1)
            x -= p1 / slope
        nodes.append(x)
        weights.append(2 / ((1 - x * x) * slope**2))
    return nodes, weights


def bracketed(mp: Any, g: Any, lo: Number, hi: Number) -> Number:
    """Root of g, positive at lo and negative at hi, by the Illinois rule."""
    a, b = g(lo), g(hi)
    side = 0
    for _ in range(400):
        if hi - lo < mp.mpf(10) ** -27 * hi:
            break
        x = (lo * b - hi * a) / (b - a)
        c = g(x)
        if c == 0:
            return x
        if c > 0:
            step = abs(x - lo)
            lo, a = x, c
            b = b / 2 if side == 1 else b
            side = 1
        else:
            step = abs(x - hi)
            hi, b = x, c
            a = a / 2 if side == -1 else a
            side = -1
        if step < mp.mpf(10) ** -30 * hi:
            return x
    return (lo + hi) / 2


def equal_density(
    mp: Any, cdf: Any, density: Any, lo: Number, hi: Number, level: Number
) -> tuple[Number, Number]:
    """Newton for F(hi) - F(lo) = level and f(lo) = f(hi)."""
    for _ in range(60):
        fa, da = density(lo)[:2]
        fb, db = density(hi)[:2]
        mass = cdf(hi) - cdf(lo) - level
        gap = fb - fa
        det = -fa * db + fb * da  # of [[-fa, fb], [-da, db]]
        da_lo = (-mass * db + gap * fb) / det
        db_hi = (fa * gap - da * mass) / det
        width = hi - lo
        shrink = max(1, 4 * max(abs(da_lo), abs(db_hi)) / width)
        lo, hi = lo + da_lo / shrink, hi + db_hi / shrink
        if max(abs(da_lo), abs(db_hi)) < mp.mpf(10) ** -13 * width:
            return lo, hi
    raise ArithmeticError("shortest interval not found")
