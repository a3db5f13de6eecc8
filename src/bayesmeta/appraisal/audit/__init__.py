"""The audit: whether a published table agrees with itself and with its data."""

from bayesmeta.appraisal.audit.finding import Finding, Interval
from bayesmeta.appraisal.audit.printed import PrintedRow, read_printed
from bayesmeta.appraisal.audit.region import Region
from bayesmeta.appraisal.audit.run import Audit, audit
from bayesmeta.appraisal.audit.split import Component, other_of_two, split_pool
from bayesmeta.appraisal.audit.tables import possible_tables, tables_of

__all__ = [
    "Audit",
    "Component",
    "Finding",
    "Interval",
    "PrintedRow",
    "Region",
    "audit",
    "other_of_two",
    "possible_tables",
    "read_printed",
    "split_pool",
    "tables_of",
]
