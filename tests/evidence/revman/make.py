"""Reviews as RevMan writes them, from published figures.

Aspirin after myocardial infarction, seven trials, and mental health treatment, five: Fleiss (1993),
Statistical Methods in Medical Research 2:121, with the pooled results of the documentation of
Schwarzer's R package meta. BCG: Colditz et al. (1994), JAMA 271:698. Coaching: Rubin (1981),
Journal of Educational Statistics 6:377.
"""

ASPIRIN = (
    ("MRC-1", 1974, 49, 615, 67, 624),
    ("CDP", 1976, 44, 758, 64, 771),
    ("MRC-2", 1979, 102, 832, 126, 850),
    ("GASP", 1979, 32, 317, 38, 309),
    ("PARIS", 1980, 85, 810, 52, 406),
    ("AMIS", 1980, 246, 2267, 219, 2257),
    ("ISIS-2", 1988, 1570, 8587, 1720, 8600),
)
TREATMENT = (
    ("Davis", 1973, 5.0, 4.7, 13, 6.5, 3.8, 13),
    ("Florell", 1971, 4.9, 1.71, 30, 6.1, 2.3, 50),
    ("Gruen", 1975, 22.5, 3.44, 35, 24.9, 10.65, 35),
    ("Hart", 1975, 12.5, 1.47, 20, 12.3, 1.66, 20),
    ("Wilson", 1977, 6.5, 0.76, 8, 7.38, 1.41, 8),
)
SCHOOLS = (("A", 28.39, 14.9), ("B", 7.94, 10.2), ("C", -2.75, 16.3))
TOTAL = {"EFFECT_SIZE": "0.8969", "CI_START": "0.8405", "CI_END": "0.9570", "TAU2": "0.0"} | {
    "CHI2": "9.95", "DF": "6", "P_CHI2": "0.1269", "I2": "39.7", "Z": "3.29", "P_Z": "0.0010",
    "WEIGHT": "100.0", "ESTIMABLE": "YES",
}  # fmt: skip
NOTHING = {"EFFECT_SIZE": "0.0", "CI_START": "0.0", "CI_END": "0.0", "TAU2": "NaN"} | {
    "CHI2": "0.0", "DF": "0", "Z": "0.0", "WEIGHT": "0.0", "LOG_EFFECT_SIZE": "-Infinity",
    "LOG_CI_START": "-Infinity", "ESTIMABLE": "NO",
}  # fmt: skip


def tag(name, children=(), **attributes):
    """An element, one line a child, as RevMan lays it out."""
    held = "".join(f' {key}="{value}"' for key, value in attributes.items())
    inner = "\n".join(children)
    return f"<{name}{held}>\n{inner}\n</{name}>" if inner else f"<{name}{held}/>"


def counts(study, a, n1, c, n2, *children, estimable="YES", **attributes):
    found = {"EVENTS_1": a, "TOTAL_1": n1, "EVENTS_2": c, "TOTAL_2": n2, "ESTIMABLE": estimable}
    found |= {"EFFECT_SIZE": "", "O_E": "0.0", "VAR": "0.0", "SE": "0.1", "WEIGHT": "1.0"}
    return tag("DICH_DATA", children, STUDY_ID=f"STD-{study}", **found | attributes)


def aspirin(*chosen):
    trials = [trial for trial in ASPIRIN if not chosen or trial[0] in chosen]
    return [counts(coded(name), *cells) for name, _, *cells in trials]


def coded(name):
    return name.replace("-", "_x002d_").replace(" ", "-")


def dich(rows, *, ID="CMP-001.01", name="Death", stored=TOTAL, **attributes):
    settings = {"EFFECT_MEASURE": "OR", "METHOD": "MH", "RANDOM": "NO", "TOTALS": "YES"}
    settings |= {"CI_STUDY": "95", "CI_TOTAL": "95", "SWAP_EVENTS": "NO", "SUBGROUPS": "NO"}
    head = [
        f"<NAME>{name}</NAME>",
        "<GROUP_LABEL_1>Aspirin</GROUP_LABEL_1>",
        "<GROUP_LABEL_2>Control</GROUP_LABEL_2>",
        "<GRAPH_LABEL_1>Favours aspirin</GRAPH_LABEL_1>",
        "<GRAPH_LABEL_2>Favours control</GRAPH_LABEL_2>",
    ]
    return tag("DICH_OUTCOME", [*head, *rows], ID=ID, **settings | stored | attributes)


def subgroup(rows, *, ID="CMP-001.01.01", name="Early", stored=NOTHING, kind="DICH"):
    return tag(f"{kind}_SUBGROUP", [f"<NAME>{name}</NAME>", *rows], ID=ID, **stored)


def cont(rows, *, ID="CMP-002.01", measure="MD", stored=NOTHING, **attributes):
    settings = {"EFFECT_MEASURE": measure, "RANDOM": "NO", "TOTALS": "YES", "CI_TOTAL": "95"}
    body = ["<NAME>Days in hospital</NAME>", *rows]
    return tag("CONT_OUTCOME", body, ID=ID, **settings | stored | attributes)


def means(name, m1, sd1, n1, m2, sd2, n2, *, estimable="YES"):
    found = {"MEAN_1": m1, "SD_1": sd1, "TOTAL_1": n1, "MEAN_2": m2, "SD_2": sd2, "TOTAL_2": n2}
    return tag("CONT_DATA", STUDY_ID=f"STD-{coded(name)}", ESTIMABLE=estimable, **found)


def generic(rows, *, ID="CMP-003.01", label="Hazard Ratio", log="YES", name="Time to death"):
    settings = {"LOG_DATA": log, "METHOD": "IV", "RANDOM": "YES", "TOTALS": "YES"}
    body = [f"<NAME>{name}</NAME>", f"<EFFECT_MEASURE>{label}</EFFECT_MEASURE>", *rows]
    return tag("IV_OUTCOME", body, ID=ID, **settings | NOTHING)


def given(name, estimate, se, **attributes):
    found = {"ESTIMATE": estimate, "SE": se, "ESTIMABLE": "YES", "TOTAL_1": "0", "TOTAL_2": "0"}
    return tag("IV_DATA", STUDY_ID=f"STD-{coded(name)}", **found | attributes)


def observed(rows, *, ID="CMP-004.01", label="Peto Odds Ratio"):
    body = ["<NAME>Death, O - E</NAME>", f"<EFFECT_MEASURE>{label}</EFFECT_MEASURE>", *rows]
    return tag("IPD_OUTCOME", body, ID=ID, TOTALS="YES", **NOTHING)


def o_minus_e(name, difference, variance, events=(1, 10, 3, 10)):
    a, n1, c, n2 = events
    found = {"O_E": difference, "VAR": variance, "EVENTS_1": a, "TOTAL_1": n1}
    found |= {"EVENTS_2": c, "TOTAL_2": n2, "ESTIMABLE": "YES"}
    return tag("IPD_DATA", STUDY_ID=f"STD-{coded(name)}", **found)


def comparison(*outcomes, no=1, name="Aspirin versus control"):
    return tag("COMPARISON", [f"<NAME>{name}</NAME>", *outcomes], ID=f"CMP-{no:03d}", NO=no)


def review(*comparisons, encoding="ISO-8859-1", title="Aspirin after myocardial infarction"):
    """A whole file as text; the studies of Fleiss are listed, others are known by their ids."""
    known = [(name, year) for name, year, *_ in (*ASPIRIN, *TREATMENT)]
    listed = [
        tag("STUDY", ID=f"STD-{coded(name)}", NAME=name, YEAR=year, DATA_SOURCE="PUB")
        for name, year in known
    ]
    studies = tag("STUDIES", [tag("INCLUDED_STUDIES", listed)])
    methods = tag("METHODS", [tag("MISSING_DATA", ["<P>We wrote to authors.</P>"])])
    body = [
        tag("COVER_SHEET", [f"<TITLE>{title}</TITLE>"]),
        tag("MAIN_TEXT", [tag("BODY", [methods])]),
        tag("STUDIES_AND_REFERENCES", [studies]),
        tag("ANALYSES_AND_DATA", comparisons, CALCULATED_DATA="YES"),
    ]
    root = tag("COCHRANE_REVIEW", body, TYPE="INTERVENTION", REVMAN_VERSION="5")
    return f'<?xml version="1.0" encoding="{encoding}"?>\n{root}\n'


def write(folder, *outcomes, name="review.rm5", encoding="ISO-8859-1"):
    path = folder / name
    text = review(comparison(*outcomes), encoding=encoding)
    path.write_bytes(text.replace("\n", "\r\n").encode(encoding))
    return path


def full():
    """All kinds of outcomes, and RevMan's habits, in one review."""
    early, late = aspirin("MRC-1", "CDP", "MRC-2", "GASP"), aspirin("PARIS", "AMIS", "ISIS-2")
    footnote = "<FOOTNOTE>Same trial, &lt;b&gt;women&lt;/b&gt; \x96 age &amp;lt; 70</FOOTNOTE>"
    return review(
        comparison(
            dich(aspirin(), name="D\xe9c\xe8s"),
            dich(
                [
                    subgroup(early, ID="CMP-001.02.01"),
                    subgroup(
                        [
                            *aspirin("PARIS"),
                            subgroup(late[1:], ID="CMP-001.02.02.01", name="Large, late"),
                        ],
                        ID="CMP-001.02.02",
                        name="Late",
                    ),
                    subgroup([], ID="CMP-001.02.03", name="Unknown"),
                ],
                ID="CMP-001.02",
                name="Death, by year",
                SUBGROUPS="YES",
                TOTALS="SUB",
            ),
            dich(aspirin(), ID="CMP-001.03", name="Survival", stored=NOTHING, SWAP_EVENTS="YES"),
            dich(
                [
                    counts("Fox-1990", 0, 10, 0, 12, estimable="NO"),
                    counts("Hare-1991", 0, 0, 0, 0, estimable="NO"),
                ],
                ID="CMP-001.04",
                name="Bleeding",
                stored=NOTHING,
            ),
            dich(
                [counts("Fox-1990", 1, 10, 3, 12), counts("Fox-1990", 2, 9, 2, 12, footnote)],
                ID="CMP-001.05",
                name="Bleeding, by sex",
                METHOD="PETO",
                EFFECT_MEASURE="PETO_OR",
                stored=NOTHING,
            ),
            tag("OTHER_OUTCOME", ["<NAME>Harms in words</NAME>"], ID="CMP-001.06", NO=6),
        ),
        comparison(
            cont(
                [means(name, *cells) for name, _, *cells in TREATMENT],
                stored=TOTAL
                | {"EFFECT_SIZE": "-0.7094", "CI_START": "-1.2585", "CI_END": "-0.1603"}
                | {"CHI2": "5.66", "DF": "4", "I2": "29.3"},
            ),
            cont(
                [means(name, *cells) for name, _, *cells in TREATMENT],
                ID="CMP-002.02",
                measure="SMD",
                RANDOM="YES",
                stored={"EFFECT_SIZE": "", "CI_START": "", "CI_END": "", "ESTIMABLE": "YES"},
            ),
            no=2,
            name="Mental health treatment versus control",
        ),
        comparison(
            generic([given("BCG-1", -0.8893, 0.5706), given("BCG-2", -1.5854, 0.4411)]),
            generic(
                [given(name, *cells) for name, *cells in SCHOOLS],
                ID="CMP-003.02",
                label="points",
                log="NO",
                name="Coaching",
            ),
            no=3,
            name="Estimates",
        ),
        comparison(
            observed([o_minus_e("MRC-1", -8.5707, 26.3), o_minus_e("CDP", -9.5, 25.1)]),
            no=4,
            name="Individual patients",
        ),
    )
