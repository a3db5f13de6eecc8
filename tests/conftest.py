"""What every test shares: reproducible hypothesis runs, and one BLAS thread a worker."""

import os

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

from hypothesis import settings

# The same examples in every run, so that a failure in CI is a failure at a desk.
settings.register_profile("bayesmeta", deadline=None, derandomize=True, database=None)
settings.load_profile("bayesmeta")
