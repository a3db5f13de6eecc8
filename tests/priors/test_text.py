"""Priors as they are written, and the sentence for each way of writing them wrong."""

import pytest

from bayesmeta.errors import InputError
from bayesmeta.priors import (
    Exponential,
    Fixed,
    Flat,
    HalfCauchy,
    HalfNormal,
    HalfStudentT,
    LogNormal,
    Normal,
    Uniform,
    mu_prior,
    tau_prior,
)


@pytest.mark.parametrize(
    ("text", "prior"),
    [
        ("half-normal(0.5)", HalfNormal(0.5)),
        ("half-cauchy(0.5)", HalfCauchy(0.5)),
        ("half-student-t(4, 1)", HalfStudentT(df=4, scale=1)),
        ("exponential(2)", Exponential(rate=2)),
        ("log-normal(-1.28, 0.87)", LogNormal(mean=-1.28, sd=0.87)),
        ("uniform(0, 4)", Uniform(low=0, high=4)),
        ("fixed(0)", Fixed(0)),
        # Spellings that leave no doubt: case, blanks, underscores, exponents.
        ("  Half_Normal ( 5e-1 ) ", HalfNormal(0.5)),
        ("HALF-STUDENT-T(4,1)", HalfStudentT(4, 1)),
    ],
)
def test_tau_as_written(text, prior):
    assert tau_prior(text) == prior


def test_mu_as_written():
    assert mu_prior("normal(0, 10)") == Normal(mean=0, sd=10)
    assert mu_prior("normal(-2.5, 1e1)") == Normal(mean=-2.5, sd=10)
    assert mu_prior("flat") == mu_prior("Flat") == mu_prior("flat()") == Flat()


WRONG_TAU = {
    "near miss": (
        "half-norml(1)",
        "unknown prior on tau 'half-norml': did you mean 'half-normal'",
    ),
    "far miss": (
        "poisson(1, 1)",
        "unknown prior on tau 'poisson': expected one of: half-normal, half-cauchy, "
        "half-student-t, half-logistic, exponential, ",
    ),
    "too few": (
        "half-student-t(4)",
        "prior on tau is 'half-student-t(4)': 1 numbers given, expected half-student-t(df, scale)",
    ),
    "too many": (
        "half-normal(0, 1)",
        "prior on tau is 'half-normal(0, 1)': 2 numbers given, expected half-normal(scale)",
    ),
    "none": (
        "half-normal",
        "prior on tau is 'half-normal': 0 numbers given, expected half-norm",
    ),
    "text": (
        "half-normal(wide)",
        "prior on tau is 'half-normal(wide)': expected numbers, as in half-normal(scale)",
    ),
    "empty number": ("uniform(0,)", "expected numbers, as in uniform(low, high)"),
    "unclosed": ("half-normal(1", "expected a family and its numbers, such as half-normal(0.5)"),
    "a number alone": ("0.5", "prior on tau is '0.5': expected a family and its numbers"),
    "empty": ("", "prior on tau is '': expected a family and its numbers"),
    "negative": (
        "half-normal(-1)",
        "scale of half-normal(-1) is -1: it must be positive and fin",
    ),
    "zero": ("half-cauchy(0)", "scale of half-cauchy(0) is 0: it must be positive and finite"),
    "nan": ("half-normal(nan)", "scale of half-normal(nan) is nan: it must be positive and f"),
    "inf": ("exponential(inf)", "rate of exponential(inf) is inf: it must be positive and finite"),
    "overflow": ("half-normal(1e999)", "it must be positive and finite"),
    "nan location": ("log-normal(nan, 1)", "mean of log-normal(nan, 1) must be finite"),
    "negative df": ("half-student-t(-4, 1)", "df of half-student-t(-4, 1) is -4: it must be pos"),
    "bounds": ("uniform(4, 0)", "the bounds of uniform(4, 0) must satisfy 0 <= low < high"),
    "equal bounds": ("uniform(2, 2)", "must satisfy 0 <= low < high: tau is a standard deviation"),
    "negative bound": ("uniform(-1, 1)", "must satisfy 0 <= low < high"),
    "infinite bound": ("uniform(0, inf)", "the bounds of uniform(0, inf) must satisfy 0 <= low"),
    "negative point": ("fixed(-0.1)", "the value of fixed(-0.1) must be zero or more, and finite"),
    "a prior on mu": ("normal(0, 10)", "unknown prior on tau 'normal': did you mean"),
}
WRONG_MU = {
    "near miss": ("norml(0, 1)", "unknown prior on mu 'norml': did you mean 'normal'?"),
    "wide": ("flat(1)", "prior on mu is 'flat(1)': 1 numbers given, expected flat"),
    "negative sd": ("normal(0, -1)", "sd of normal(0, -1) is -1: it must be positive and finite"),
    "sd too small": ("normal(0, 1e-300)", "sd of normal(0, 1e-300) is below 1e-100"),
    "nan": ("normal(nan, 1)", "mean of normal(nan, 1) must be finite"),
    "inf": ("normal(0, inf)", "sd of normal(0, inf) is inf: it must be positive and finite"),
    "too few": (
        "normal(1)",
        "prior on mu is 'normal(1)': 1 numbers given, expected normal(mean",
    ),
    "not a call": ("0 +- 1", "expected a family and its numbers, such as normal(0, 10) or flat"),
}


@pytest.mark.parametrize(("text", "sentence"), WRONG_TAU.values(), ids=WRONG_TAU)
def test_what_is_wrong_with_tau(text, sentence):
    with pytest.raises(InputError) as caught:
        tau_prior(text)
    assert sentence in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(("text", "sentence"), WRONG_MU.values(), ids=WRONG_MU)
def test_what_is_wrong_with_mu(text, sentence):
    with pytest.raises(InputError) as caught:
        mu_prior(text)
    assert sentence in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("prior", [HalfNormal, HalfCauchy, Exponential])
def test_constructors_say_the_same(prior):
    # In Python the class is called directly: the same check, not only that of the text.
    with pytest.raises(InputError, match="it must be positive and finite"):
        prior(-1)
