"""What ``fit`` prints of a meta-regression."""

from rich.console import Console
from rich.text import Text

from bayesmeta.cli.show_joint import print_table, word_of_benefit
from bayesmeta.fit import Fit
from bayesmeta.fit.regression_words import (
    regression_coefficients,
    regression_contrasts,
    regression_heading,
    regression_predictions,
    regression_remarks,
)
from bayesmeta.fit.words import percent


def regression_answer(to: Console, fit: Fit) -> None:
    """Print the meta-regression of a fit, where it has one."""
    found = fit.regression
    if found is None:
        return
    level, prob = percent(fit.ask.level), word_of_benefit(fit)
    measure = fit.evidence.measure
    to.print()
    what = "Meta-regression" if found.tau_within is None else "Effects within studies"
    to.print(Text(what, style="bold"))
    for line in regression_heading(fit, found):
        to.print(Text(line, style="dim"))
    rows = regression_coefficients(found)
    print_table(to, ["Coefficient", f"Posterior ({level} CrI)", "P(below 0)", "Prior"], rows)
    difference = f"Ratio of {measure.name}s" if measure.ratio else "Difference"
    later = "P(better)" if fit.direction else "P(below)"
    contrasts = regression_contrasts(fit, found)
    print_table(to, ["Levels", f"{difference} ({level} CrI)", later], contrasts)
    columns = ["Where", f"{measure.name} ({level} CrI)", prob, f"New study ({level} PI)"]
    print_table(to, columns, regression_predictions(fit, found))
    for line in regression_remarks(fit, found):
        to.print(Text(line))
