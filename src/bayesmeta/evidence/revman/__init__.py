"""RevMan files: reviews of RevMan 5 (XML, data rows as CSV) and of RevMan Web."""

from bayesmeta.evidence.revman.pools import pool_of
from bayesmeta.evidence.revman.project import Imported, import_review
from bayesmeta.evidence.revman.read import files_of, read_review, reviews_in
from bayesmeta.evidence.revman.values import Outcome, Review, Stored, StudyRow, Subgroup

__all__ = [
    "Imported",
    "Outcome",
    "Review",
    "Stored",
    "StudyRow",
    "Subgroup",
    "files_of",
    "import_review",
    "pool_of",
    "read_review",
    "reviews_in",
]
