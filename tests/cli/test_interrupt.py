"""An interrupt ends the program wherever it falls."""

import subprocess
import sys
import time

IN_A_CALLBACK = """
import ctypes, os, signal, sys, time
from bayesmeta.cli import app, main

def callback():
    os.kill(os.getpid(), signal.SIGINT)
    time.sleep(0)

@app.app.command()
def compile():
    ctypes.CFUNCTYPE(None)(callback)()
    time.sleep(60)

sys.argv = ["bayesmeta", "compile"]
main()
"""


def test_an_interrupt_that_a_callback_swallows_comes_again():
    # As llvmlite's while numba compiles a model for NUTS: ctypes prints and forgets it.
    start = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-c", IN_A_CALLBACK], capture_output=True, text=True, check=False
    )
    assert done.returncode == 130
    assert done.stderr == "bayesmeta: interrupted; no file was left half written\n"
    assert time.monotonic() - start < 30


def test_other_exceptions_of_callbacks_are_still_printed():
    code = IN_A_CALLBACK.replace("os.kill(os.getpid(), signal.SIGINT)", "raise ValueError('odd')")
    done = subprocess.run(
        [sys.executable, "-c", code.replace("sleep(60)", "sleep(0)")],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0
    assert "ValueError: odd" in done.stderr
