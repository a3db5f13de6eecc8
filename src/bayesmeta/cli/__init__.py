"""The command line: parse, call one function, print, exit status."""

import sys

from bayesmeta.errors import InputError


def main() -> None:
    """Run the command line.

    Exit status 0; 1 for a failure of the program; 2 for input that cannot be used; 3 for a fit
    that did not converge; 130 for an interrupt. No traceback but with ``--debug``.
    """
    from bayesmeta.cli.app import app

    debug = "--debug" in sys.argv
    try:
        app(prog_name="bayesmeta", standalone_mode=True)
    except InputError as error:
        if debug:
            raise
        print(f"bayesmeta: {error}", file=sys.stderr)
        sys.exit(2)
    except KeyboardInterrupt:
        print("bayesmeta: interrupted; no file was left half written", file=sys.stderr)
        sys.exit(130)
    except Exception as error:
        if debug:
            raise
        text = " ".join(str(error).split())
        print(
            f"bayesmeta: {type(error).__name__}: {text} (a fault of the program: --debug shows "
            "where)",
            file=sys.stderr,
        )
        sys.exit(1)
