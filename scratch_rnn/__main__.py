"""`python -m scratch_rnn`."""

import io
import os
import sys


def main() -> None:
    """Run the command line, with one thread for BLAS and torch unless the user says otherwise.

    The labs' matrices are small: a second thread costs more than it saves, above all on a busy machine. The
    libraries read the variable when they are imported.
    """
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")  # a terminal without Korean letters shows ? instead
    from scratch_rnn.cli.app import app

    app(prog_name="python -m scratch_rnn")


if __name__ == "__main__":
    main()
