"""The end of a command that is asked to stop: at once, with nothing half-written left."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import threading
from collections.abc import Sequence

from vidparticles import storage

STATUS = 130  # of a process that was stopped
_SIGNALS = ("SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT")


def end_when_asked() -> None:
    """Let a thread end the process when a signal asks for it; call it from the main thread.

    Not an exception in the main thread: XLA compiles for half a minute without looking for one,
    and loses it in a callback or dies of it.
    """
    asked, ask = os.pipe()
    os.set_blocking(ask, False)
    signal.set_wakeup_fd(ask, warn_on_full_buffer=False)
    numbers = []
    for name in _SIGNALS:
        number = getattr(signal, name, None)
        # What a shell or `nohup` has made deaf stays so.
        if number is not None and signal.getsignal(number) != signal.SIG_IGN:
            signal.signal(number, lambda *_: None)
            numbers.append(number)

    def end() -> None:
        while os.read(asked, 1)[0] not in numbers:
            pass
        with contextlib.suppress(OSError):
            over = "\r\x1b[K" if sys.stderr.isatty() else ""  # what a bar has drawn
            print(over + sentence(storage.abandon()), file=sys.stderr, flush=True)
        os._exit(STATUS)

    threading.Thread(target=end, daemon=True).start()


def ignore() -> None:
    """Let no signal end the process any more: all is done and said.

    On its way out Python gives signals their own meaning back, and a Ctrl-C there would kill what
    has succeeded.
    """
    if threading.current_thread() is threading.main_thread():
        for name in _SIGNALS:
            if hasattr(signal, name):
                signal.signal(getattr(signal, name), signal.SIG_IGN)


def sentence(files: Sequence[os.PathLike[str]]) -> str:
    """What is said at the end.

    Args:
        files: that were written before.

    Example:
        >>> sentence([])
        'vidparticles: stopped; nothing was written.'
    """
    if len(files) > 1:
        return f"vidparticles: stopped; {len(files)} files had been written, each whole."
    if files:
        return f"vidparticles: stopped; {files[0]} had been written, whole."
    return "vidparticles: stopped; nothing was written."
