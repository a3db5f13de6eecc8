"""From return to the first table of `fit sledai --engine exact`, beside the imports alone.

``python benchmarks/startup.py``: medians of alternating runs, and their ratio (the mark is 1.1).
"""

import statistics
import subprocess
import sys
import tempfile
import time

RUNS = 15
MOCK = [sys.executable, "-c", "import pandas, scipy.special, typer"]


def main() -> None:
    first, mock = [], []
    with tempfile.TemporaryDirectory() as folder:
        fit = [sys.executable, "-u", "-m", "bayesmeta", "fit", "sledai", "--engine", "exact"]
        fit += ["--output", folder]
        for _ in range(RUNS + 1):
            first.append(until(fit, b"Heterogeneity tau"))
            mock.append(until(MOCK, None))
    table, imports = (statistics.median(times[1:]) for times in (first, mock))
    print(f"first table {table:.3f} s, imports alone {imports:.3f} s, ratio {table / imports:.2f}")


def until(command: list[str], text: bytes | None) -> float:
    """Return the seconds until a line with the text is printed, or until the end."""
    start = time.perf_counter()
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        found = 0.0
        for line in process.stdout:
            if text is not None and text in line and not found:
                found = time.perf_counter() - start
        process.wait()
    return found or time.perf_counter() - start


if __name__ == "__main__":
    main()
