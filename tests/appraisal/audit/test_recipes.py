"""Labels of printed rows: what they name, and what they leave open."""

import pytest

from bayesmeta.appraisal.audit.recipes import Label, Recipe, label_of
from bayesmeta.frequentist import COMMON_EFFECT, INFERENCES, METHODS


@pytest.mark.parametrize(
    ("text", "label"),
    [
        ("", Label()),
        ("fixed", Label("fixed")),
        ("Random-effects model", Label("random")),
        ("common effect", Label("fixed")),
        ("random, IV", Label("random")),  # RevMan's words for the weights
        ("M-H, random", Label("random")),
        ("Mantel-Haenszel, fixed", Label("fixed", "MH")),
        ("fixed, inverse variance", Label("fixed", "IV")),
        ("Peto", Label("fixed", "Peto")),
        ("Peto, fixed, 99 % CI", Label("fixed", "Peto", None, 0.99)),
        ("random (DerSimonian and Laird)", Label("random", "DL")),
        ("REML", Label("random", "REML")),
        ("restricted maximum likelihood", Label("random", "REML")),
        ("random, maximum likelihood, Wald", Label("random", "ML", "wald")),
        ("Hartung-Knapp, REML", Label("random", "REML", "hksj")),
        ("random; Hartung-Knapp-Sidik-Jonkman", Label("random", None, "hksj")),
        ("Sidik-Jonkman tau2 with the Hartung and Knapp CI", Label("random", "SJ", "hksj")),
        ("random, PM, HKSJ (ad hoc floor)", Label("random", "PM", "hksj-floor")),
        ("empirical Bayes", Label("random", "EB")),
        ("Hedges", Label("random", "HE")),
        ("Hunter-Schmidt", Label("random", "HS")),
        ("fixed, REML", Label("fixed")),  # contradicts itself: the model stands
    ],
)
def test_what_a_label_names(text, label):
    assert label_of(text) == label


def test_every_name_of_ours_is_read_back():
    for method, words in METHODS.items():
        model = "fixed" if method in COMMON_EFFECT else "random"
        assert label_of(f"{model}, {words}") == Label(model, method)
        for ci in ("hksj", "hksj-floor"):
            if model == "random":
                found = label_of(f"{model}, {words}, {INFERENCES[ci]}")
                assert found == Label(model, method, ci)
                assert label_of(found.words) == found
                assert label_of(found.short) == found


def test_what_is_meant_what_is_open_and_what_is_not():
    random = Label("random")
    assert random.meant(3) == [Recipe("DL")]
    assert len(random.open(3)) == 8 * 3 - 1
    assert set(random.others(3)) == {Recipe("MH"), Recipe("IV")}
    fixed = Label("fixed")
    assert set(fixed.meant(3)) == {Recipe("MH"), Recipe("IV")}
    assert fixed.open(3) == [Recipe("Peto")]
    assert fixed.others(3) == [Recipe("DL")]
    named = Label("random", "REML")
    assert named.meant(3) == [Recipe("REML", ci) for ci in INFERENCES]
    assert named.open(3) == []
    assert Recipe("DL") in named.others(3)
    one_study = Label("random").meant(1)
    assert set(one_study) == {Recipe("MH"), Recipe("IV"), Recipe("DL")}
