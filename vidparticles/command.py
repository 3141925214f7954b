"""The command of a shell, from its first moment on.

Until it has imported what hears a signal in time, Ctrl-C ends it here: nothing is begun by then.
"""

from __future__ import annotations

import os
import signal
from typing import NoReturn


def console() -> NoReturn:
    """Run `vidparticles`; what its words mean is in `cli`."""
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:  # not what is deaf to it
        signal.signal(signal.SIGINT, _end)
    from vidparticles import cli

    cli.console()


def _end(*_: object) -> None:
    os.write(2, b"vidparticles: stopped; nothing was written.\n")
    os._exit(130)
