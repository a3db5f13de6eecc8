"""The command line: parse, call one function, print, exit status."""

import os
import signal
import sys
import threading
from typing import TYPE_CHECKING

from bayesmeta.errors import InputError

if TYPE_CHECKING:
    from sys import UnraisableHookArgs

_INTERRUPTED = 130
"""The exit status that typer gives an interrupt."""

_AGAIN = 0.05
"""Seconds until an interrupt that was swallowed comes again."""


def main() -> None:
    """Run the command line.

    Exit status 0; 1 for a failure of the program; 2 for input that cannot be used; 3 for a fit
    that did not converge; 130 for an interrupt. No traceback but with ``--debug``.
    """
    from bayesmeta.cli.app import app

    sys.unraisablehook = _interrupt_again
    debug = "--debug" in sys.argv
    try:
        sys.exit(app(prog_name="bayesmeta", standalone_mode=False) or 0)
    except InputError as error:
        if debug:
            raise
        print(f"bayesmeta: {error}", file=sys.stderr)
        sys.exit(2)
    except SystemExit as stop:
        if stop.code == _INTERRUPTED:
            print("bayesmeta: interrupted; no file was left half written", file=sys.stderr)
        raise
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except Exception as error:
        if debug:
            raise
        if hasattr(error, "format_message"):
            print(f"bayesmeta: {error.format_message()}", file=sys.stderr)
            sys.exit(2)
        text = " ".join(str(error).split())
        print(
            f"bayesmeta: {type(error).__name__}: {text} (a fault of the program: --debug shows "
            "where)",
            file=sys.stderr,
        )
        sys.exit(1)


def _interrupt_again(swallowed: "UnraisableHookArgs") -> None:
    """Bring back an interrupt that fell into a callback of llvmlite or h5py, which ignores it."""
    if not issubclass(swallowed.exc_type, KeyboardInterrupt):
        sys.__unraisablehook__(swallowed)
        return
    later = threading.Timer(_AGAIN, os.kill, (os.getpid(), signal.SIGINT))
    later.daemon = True
    later.start()
