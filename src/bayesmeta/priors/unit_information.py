"""How far one patient's worth of information reaches: a unit to choose prior scales in."""

import numpy as np

from bayesmeta.arrays import ArrayLike
from bayesmeta.errors import InputError, did_you_mean

UNIT_INFORMATION_SD = {"OR": 4.0, "RR": 2.0, "RD": 1.0, "SMD": 2.0, "HR": 2.0}
"""By measure, in total patients of two equal arms (HR: in events), from the large-sample variance.

OR: four cells of n / 4, ``4 / (n / 4) = 16 / n``; RR and RD at a risk of 1/2 in both arms:
``4 / n`` and ``1 / n``; SMD near zero: ``4 / n``; HR: ``4 / events``.
"""


def unit_information_sd(n: ArrayLike, se: ArrayLike) -> float:
    """Estimate the unit information standard deviation: ``sqrt(sum n / sum se^-2)``.

    Parameters
    ----------
    n, se : array_like, shape (k,)
        Patients and standard errors of the studies.

    References
    ----------
    Roever et al. (2021), Research Synthesis Methods 12:448.

    Examples
    --------
    >>> unit_information_sd([100, 400], [0.4, 0.2])
    4.0
    """
    sizes, errors = np.asarray(n, dtype=float), np.asarray(se, dtype=float)
    if not (sizes.shape == errors.shape and sizes.size):
        raise InputError("n and se must have one number for each study")
    if not (np.all(sizes > 0) and np.all(errors > 0)):
        raise InputError("n and se must be positive")
    return float(np.sqrt(sizes.sum() / (errors**-2.0).sum()))


def known_unit_information_sd(measure: str) -> float:
    """Return the unit information standard deviation of a measure, by its formula.

    Raises
    ------
    InputError
        For a measure without one, such as MD, whose unit is the table's.

    References
    ----------
    Roever et al. (2021), Research Synthesis Methods 12:448; Spiegelhalter, Abrams and Myles
    (2004), section 2.4.

    Examples
    --------
    >>> known_unit_information_sd("OR")
    4.0
    """
    try:
        return UNIT_INFORMATION_SD[measure.upper()]
    except KeyError:
        raise InputError(
            f"no unit information SD is known for {measure!r}: "
            f"{did_you_mean(measure, UNIT_INFORMATION_SD)}; else estimate it by "
            f"unit_information_sd(n, se)"
        ) from None
