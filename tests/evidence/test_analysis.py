"""Analysis files: the bundled ones, the user's own, and mistakes in them."""

import numpy as np
import pytest

from bayesmeta.errors import InputError
from bayesmeta.evidence import (
    bundled_project,
    evidence_from_analysis,
    evidence_from_table,
    new_project,
)

BUNDLED = bundled_project()
NAMES = [analysis.name for analysis in BUNDLED.analyses()]
RANDOMISED = ["sledai", "proteinuria", "scr", "albumin", "c3", "c4", "adverse_events"]
SERIES = [f"{o}_series" for o in ("sledai", "proteinuria", "scr", "bun", "albumin")]


def bundled(name):
    return evidence_from_analysis(BUNDLED.find(name), BUNDLED.root)


def at(pools, time):
    return next(pool for pool in pools if pool.time == time)


def test_the_review_is_there():
    assert sorted(NAMES) == sorted(RANDOMISED + SERIES)


@pytest.mark.parametrize("name", RANDOMISED)
def test_trials_name_revman_and_their_published_rows(name):
    evidence = bundled(name)
    assert evidence.convention == "revman5"
    assert evidence.controlled
    assert evidence.source.startswith("data/sle_msc/")
    assert all(pool.published is not None for pool in evidence.pools)
    assert all(row.reason.startswith("in_published_pool is no: ") for row in evidence.left_out)
    assert evidence.left_out


@pytest.mark.parametrize("name", NAMES)
def test_the_scale_of_tau_follows_the_rule(name):
    # Half the pooled within-arm SD (baseline SD in series), within the rounding of the file.
    evidence = bundled(name)
    scale = float(evidence.tau.removeprefix("half-normal(").removesuffix(")"))
    rule = 0.5
    if evidence.measure.name != "OR":
        n = np.concatenate([pool.n for pool in evidence.pools])
        s = np.concatenate([pool.within_sd for pool in evidence.pools])
        df = n - (2 if evidence.controlled else 1)
        rule = 0.5 * np.sqrt(df @ s**2 / df.sum())
    assert scale == pytest.approx(rule, rel=0.03)
    assert evidence.prior_reason


@pytest.mark.parametrize(("name", "times"), [("sledai", 4), ("albumin", 3), ("c3", 3), ("c4", 3)])
def test_the_second_selection_has_deng_once_and_level_before_change(name, times):
    (variant,) = bundled(name).variants
    assert variant.name == "all rows"
    assert len(variant.pools) == times
    pool = at(variant.pools, 6.0)
    assert pool.studies.count("Deng 2017") == 1
    if name == "albumin":
        np.testing.assert_array_equal(pool.y, [3.0])


@pytest.mark.parametrize(
    ("name", "time", "alternative", "studies", "y", "se"),
    [  # digits of data/sle_msc/alternatives.csv
        ("sledai", 12, "12-months-equal-variances-swapped", ("Yang 2014", "Zeng 2016"),
         [-2.0893, 0.0893], [0.5352, 0.5352]),
        ("proteinuria", 6, "proteinuria-6-months-unrounded", ("Tang 2016", "Deng 2017"),
         [-1.74, -2.134], [1.578, 1.139]),
        ("c4", 12, "12-months-other-assignment", ("Zeng 2016", "Yang 2014"),
         [0.0004, -0.0204], [0.0144, 0.0144]),
    ],
)  # fmt: skip
def test_an_alternative_replaces_the_rows_of_its_times_and_no_other(
    name, time, alternative, studies, y, se
):
    evidence = bundled(name)
    other = next(v for v in evidence.alternatives if v.name == alternative)
    pool, given = at(other.pools, time), at(evidence.pools, time)
    assert pool.studies == studies
    assert pool.status == ("reconstructed",) * 2
    np.testing.assert_array_equal(pool.y, y)
    np.testing.assert_array_equal(pool.se, se)
    assert pool.published is given.published is not None
    assert len(other.pools) == len(evidence.pools)
    rest = zip(other.pools, evidence.pools, strict=True)
    assert all(a is b for a, b in rest if b.time != time)
    assert other.reason


def test_which_analyses_have_alternatives():
    names = {name: [v.name for v in bundled(name).alternatives] for name in NAMES}
    swapped, assigned = "12-months-equal-variances-swapped", "12-months-other-assignment"
    assert {name: found for name, found in names.items() if found} == {
        "sledai": [swapped],
        "proteinuria": [swapped, "proteinuria-6-months-unrounded"],
        "c3": [swapped],
        "scr": [assigned],
        "albumin": [assigned],
        "c4": [assigned],
    }


def test_published_rows_of_ratios_are_on_the_log_scale_and_bounds_are_text():
    (pool,) = bundled("adverse_events").pools
    assert np.exp(pool.published.estimate) == pytest.approx(0.26)
    assert (pool.published.p, pool.published.p_heterogeneity) == (0.03, 0.66)
    printed = at(bundled("proteinuria").pools, 12.0).published
    assert (printed.p_heterogeneity, printed.p_heterogeneity_text) == (None, "<0.00001")
    assert printed.model == "random"


def test_a_series_takes_baseline_as_that_of_completers_and_says_so():
    evidence = bundled("sledai_series")
    pool = at(evidence.pools, 3.0)
    assert pool.studies == ("Nanjing UC-MSC",)
    np.testing.assert_allclose([pool.y[0], pool.se[0] ** 2], [-11.0, 16 / 9], rtol=1e-14)
    assert "baseline mean and SD of 12 taken as those of the 9 followed up" in pool.notes[0]
    assert not evidence.controlled
    assert "r = 0.5 assumed" in evidence.assumptions[0]


def test_a_pair_with_its_own_baseline_uses_it():
    pool = at(bundled("proteinuria_series").pools, 3.0)
    i = pool.studies.index("Nanjing UC-MSC")
    assert pool.y[i] == pytest.approx(1.427 - 3.342, rel=1e-14)
    variance = (1.333**2 + 0.616**2 - 1.333 * 0.616) / 8
    assert pool.se[i] ** 2 == pytest.approx(variance, rel=1e-14)


def test_other_correlations_stand_beside_and_a_larger_one_gives_a_smaller_se():
    evidence = bundled("proteinuria_series")
    low, high = evidence.variants
    assert (low.name, high.name) == ("r = 0.3", "r = 0.8")
    for pool, weak, strong in zip(evidence.pools, low.pools, high.pools, strict=True):
        np.testing.assert_array_equal(pool.y, weak.y)
        assert (strong.se < pool.se).all()
        assert (pool.se < weak.se).all()


def test_series_of_one_centre_are_warned_of():
    first, second = bundled("proteinuria_series").warnings
    assert "at 3 months pools Sun 2010, of unknown centre" in first
    assert second == (
        "proteinuria at 12 months pools Liang 2010, Gu 2014 and Wang 2014, all of Nanjing Drum "
        "Tower: patients may be counted twice"
    )
    assert bundled("bun_series").warnings == ()


@pytest.fixture
def project(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return new_project("mine")


def analysis(project, text, table=None):
    if table is not None:
        (project.data / "t.csv").write_text(table)
    path = project.models / "x.toml"
    path.write_text(text)
    return evidence_from_analysis(path, project.root)


def test_a_user_file_reads_what_the_bare_table_gives(project):
    ours = evidence_from_analysis(project.find("rejection"), project.root)
    bare = evidence_from_table(project.data / "rejection.csv", measure="OR")
    np.testing.assert_array_equal(ours.pools[0].y, bare.pools[0].y)
    assert ours.convention == "metafor"


HEAD = 'title = "x"\ndata = "t.csv"\n'


@pytest.mark.parametrize(
    ("measure", "table"),
    [
        ("MD", "study,estimate,se\nA,1,2\n"),
        ("MD", "study,estimate,variance\nA,1,4\n"),
        ("HR", "study,estimate,ci_low,ci_high\nA,2,1,4\n"),
        ("HR", "study,estimate,p\nA,2,0.04\n"),
        ("RD", "study,events_new,n_new,events_old,n_old\nA,1,9,2,9\n"),
        ("SMD", "study,mean_new,sd_new,n_new,mean_old,sd_old,n_old\nA,1,2,9,2,3,9\n"),
    ],
)
def test_every_layout_works_from_a_file_with_arms_of_other_names(project, measure, table):
    text = f'{HEAD}measure = "{measure}"\narms = {{treatment = "new", control = "old"}}\n'
    assert analysis(project, text, table).pools[0].k == 1


def test_errors_name_columns_as_the_file_does(project):
    text = HEAD + 'measure = "OR"\narms = {treatment = "new", control = "old"}\n'
    table = "study,events_new,n_new,events_old,n_old\nA,14,12,2,9\n"
    with pytest.raises(
        InputError, match=r"^events_new is 14 but n_new is 12 in row 1 \(A\) of mine"
    ):
        analysis(project, text, table)


def test_rows_take_numbers_and_lists_and_rows_left_out_may_be_incomplete(project):
    table = "study,phase,estimate,se,note\nA,2,1,1,\nB,3,2,1,\nC,4,3,,no SE printed\n"
    evidence = analysis(project, HEAD + 'measure = "MD"\nrows = {phase = [2, 3]}\n', table)
    assert evidence.pools[0].studies == ("A", "B")
    (row,) = evidence.left_out
    assert (row.description, row.reason) == ("estimate 3", "phase is 4: no SE printed")


def test_rows_not_preferred_are_left_out_with_the_reason(project):
    table = "study,scale,estimate,se\nA,change,1,1\nA,level,2,1\nB,change,3,1\n"
    text = HEAD + 'measure = "MD"\nprefer = {scale = ["level", "change"]}\n'
    evidence = analysis(project, text, table)
    np.testing.assert_array_equal(evidence.pools[0].y, [2.0, 3.0])
    assert [row.reason for row in evidence.left_out] == ["scale level is preferred"]


def test_a_series_with_two_baselines_is_refused(project):
    table = "study,time,mean,sd,n\nA,0,1,1,9\nA,0,2,1,9\nA,3,2,1,9\n"
    text = HEAD + 'measure = "MC"\ncontrast = "from baseline"\n'
    with pytest.raises(InputError, match=r"^row 2 \(A\) of mine/data/t.csv is a second baseline"):
        analysis(project, text, table)


def test_a_series_without_a_baseline_says_whose(project):
    table = "study,time,mean,sd,n\nA,0,1,1,9\nA,3,2,1,9\nB,3,2,1,9\n"
    text = HEAD + 'measure = "MC"\ncontrast = "from baseline"\n'
    with pytest.raises(InputError, match=r"^no baseline of row 3 \(B\) of mine/data/t.csv"):
        analysis(project, text, table)


GOOD = HEAD + 'measure = "OR"\n'
TABLE = "study,year,events_treatment,n_treatment,events_control,n_control\nA,2001,1,9,2,9\n"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (GOOD.replace("title", "titel"), "unknown key 'titel': did you mean 'title'?"),
        ('title = "x"\nmeasure = "OR"', "the key 'data' is missing"),
        (GOOD.replace("OR", "ORR"), "measure: unknown measure 'ORR': did you mean 'RR'?"),
        (GOOD.replace('"OR"', "3"), "measure is 3: a text in quotes is expected"),
        (GOOD + 'direction = "lowr"', "direction is 'lowr': did you mean 'lower'?"),
        (GOOD + 'convention = "revman"', "convention is 'revman': did you mean 'revman5'?"),
        (GOOD + "pre_post_correlation = 2", "pre_post_correlation is 2: input should be less"),
        (GOOD + 'pre_post_correlation = "x"', "pre_post_correlation is 'x': a number is expected"),
        (GOOD + "baseline_time = nan", "baseline_time is nan: input should be a finite number"),
        (GOOD + 'arms = {treatment = "a"}', "the key 'arms.control' is missing"),
        (GOOD + 'variants = {a = {reasn = ""}}', "unknown key 'variants.a.reasn': did you mean"),
        (GOOD + "rows = {year = true}", "rows.year is True: a text, a number, or a list of them"),
        (GOOD + "rows = {year = 1990}", "rows.year is 1990 and no row of mine/data/t.csv is left"),
        (GOOD + 'contrast = "from baseline"', "measure is 'OR' but contrast is 'from baseline'"),
        (GOOD.replace("t.csv", "../../x.csv"), "data is '../../x.csv': a file inside mine/data"),
        (GOOD.replace("t.csv", "/etc/passwd"), "data is '/etc/passwd': a file inside mine/data"),
        (GOOD.replace("t.csv", ""), "data is '': a file inside mine/data is expected"),
        (GOOD.replace("t.csv", "tt.csv"), "data is 'tt.csv' and mine/data has no such file: did"),
        (GOOD + 'published = "../p.csv"', "published is '../p.csv': a file inside mine/data"),
    ],
)
def test_a_mistake_in_the_file_names_the_key(project, text, expected):
    with pytest.raises(InputError) as caught:
        analysis(project, text, TABLE)
    assert str(caught.value).startswith(f"mine/models/x.toml: {expected}")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("extra", "expected"),
    [
        ('rows = {yaer = "2001"}', "mine/data/t.csv has no column yaer, which mine/models/x.toml"),
        ('time = "months"', "mine/data/t.csv has no column months, which mine/models/x.toml"),
        ('outcome = "x"', "mine/data/t.csv has no column outcome"),
        ('prefer = {scale = ["a"]}', "mine/data/t.csv has no column scale, which mine/models"),
        ('centre = "hospital"', "mine/data/t.csv has no column hospital"),
        ("mu = flat", "mine/models/x.toml is not TOML: Invalid value (at line 4, column 6)"),
        ('title = "y"', "mine/models/x.toml is not TOML: Cannot overwrite a value"),
        ("x = " + "[" * 5000, "mine/models/x.toml is not TOML"),
    ],
)
def test_a_column_that_is_not_there_and_what_is_no_toml(project, extra, expected):
    with pytest.raises(InputError) as caught:
        analysis(project, GOOD + extra + "\n", TABLE)
    assert str(caught.value).startswith(expected)


def test_a_link_out_of_the_data_folder_is_refused(project, tmp_path):
    (tmp_path / "secret.csv").write_text(TABLE)
    (project.data / "t.csv").symlink_to(tmp_path / "secret.csv")
    with pytest.raises(InputError, match=r"data is 't.csv': a file inside mine/data is expected"):
        analysis(project, GOOD)


def test_a_table_of_another_measure_is_refused(project):
    table = "study,estimate,se,measure\nA,1,1,SMD\n"
    with pytest.raises(InputError, match=r"measure is SMD in row 1 \(A\) of .* and MD in"):
        analysis(project, HEAD + 'measure = "MD"\n', table)


def test_a_near_miss_of_an_outcome(project):
    table = "study,outcome,estimate,se\nA,sledai,1,1\n"
    with pytest.raises(InputError, match="has outcome 'sldai': did you mean 'sledai'"):
        analysis(project, HEAD + 'measure = "MD"\noutcome = "sldai"\n', table)
