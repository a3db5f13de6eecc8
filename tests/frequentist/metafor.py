"""metafor's numbers, as tests read them."""

import json
from pathlib import Path

import numpy as np

from bayesmeta.frequentist import Studies

METAFOR = json.loads(
    (Path(__file__).parents[1] / "references" / "metafor_methods.json").read_text()
)
DATASETS = [name for name in METAFOR if name != "origin"]
RANDOM = ("DL", "PM", "REML", "ML", "EB", "SJ", "HE", "HS")


def studies_of(name):
    return Studies.of_effects(METAFOR[name]["yi"], np.sqrt(METAFOR[name]["vi"]))
