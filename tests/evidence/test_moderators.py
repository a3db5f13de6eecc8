"""A formula over the columns of a table: its design matrix, and what is said of mistakes."""

import numpy as np
import pytest

from bayesmeta.errors import InputError
from bayesmeta.evidence import evidence_from_table
from bayesmeta.evidence.moderators import moderators

TABLE = {
    "study": ["A", "B", "C", "D"],
    "estimate": [0.1, 0.2, 0.3, 0.4],
    "se": [0.1, 0.1, 0.2, 0.2],
    "dose": [10, 20, 30, 40],
    "arm": ["new", "old", "new", "other"],
    "gap": [1, None, 3, 4],
    "word": ["x", "", "y", "y"],
}


def read(formula, table=TABLE):
    (pool,) = evidence_from_table(table, name="the table").pools
    return moderators(pool, formula, "the table")


def test_numbers_stay_numbers_and_words_become_factors():
    found = read("~ dose + arm")
    assert found.names == ("Intercept", "dose", "arm[T.old]", "arm[T.other]")
    np.testing.assert_array_equal(
        found.design, [[1, 10, 0, 0], [1, 20, 1, 0], [1, 30, 0, 0], [1, 40, 0, 1]]
    )
    assert found.levels("arm") == ("new", "old", "other")
    assert found.levels("dose") == ()


def test_a_transformation_is_remembered_where_predictions_are_made():
    # Centred at the mean of the studies, 25, not at that of the points.
    np.testing.assert_allclose(read("~ center(dose)").rows([{"dose": 45.0}]), [[1, 20]])


def test_rows_of_a_formula_without_moderators():
    np.testing.assert_array_equal(read("~ 1").rows([{}, {}]), [[1], [1]])


MISTAKES = {
    "unknown column": ("~ doze", "the table has no column 'doze': did you mean 'dose'"),
    "unknown inside a call": ("~ center(doze)", "the table has no column 'doze'"),
    "no formula": ("~ dose +", "formula is '~ dose +': Operator"),
    "left side": ("y ~ dose", "the effect is its left side, so expected the like of '~ latitude'"),
    "missing number": ("~ gap", "gap of B is missing: a value is expected"),
    "missing word": ("~ word", "word of B is missing: a value is expected"),
    "no logarithm": ("~ log(dose - 10)", "log(dose - 10) of A is no finite number"),
    "too large": ("~ I(dose * 1e200)", "of A is no finite number, or too large a one"),
    "no column": ("~ 0", "formula is '~ 0': a column or an intercept"),
    "parts": ("~ dose | arm", "formula is '~ dose | arm': one part is expected"),
    "python": ("~ __import__('os')", "the table has no column '__import__'"),
}


@pytest.mark.parametrize(("formula", "said"), MISTAKES.values(), ids=MISTAKES)
def test_a_mistake_in_a_formula_is_one_line(formula, said):
    with pytest.raises(InputError) as error:
        read(formula)
    assert said in str(error.value)
    assert "\n" not in str(error.value)


POINTS = {
    "unknown moderator": ({"dose": 1.0, "arm": "new", "doze": 2.0}, "'doze' is no moderator"),
    "one lacking": ({"dose": 1.0}, "a prediction needs a value of arm"),
    "unknown level": ({"dose": 1.0, "arm": "nwe"}, "arm is 'nwe': did you mean 'new'"),
    "word for a number": ({"dose": "high", "arm": "new"}, "dose is 'high': a number is expected"),
}


@pytest.mark.parametrize(("point", "said"), POINTS.values(), ids=POINTS)
def test_a_mistake_in_a_point_is_one_line(point, said):
    with pytest.raises(InputError, match=said):
        read("~ dose + arm").rows([point])
