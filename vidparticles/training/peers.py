"""For whom a process of a run waits, said on stderr after ten seconds.

At the start, until all have come: process 0 calls the roll at the coordinator's address, before
jax starts its service there, which takes nobody's word until all have. Afterwards through that
service: each process counts the places where all meet (a step, a checkpoint), tells its count once
a second when it has changed, and one that waits names those whose count is behind its own.
"""

from __future__ import annotations

import atexit
import contextlib
import dataclasses
import selectors
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

Say = Callable[[str], None]


@dataclasses.dataclass(frozen=True)
class Patience:
    """How long what takes.

    Attributes:
        first: seconds of waiting until it is said for whom.
        again: seconds until it is said again.
        tell: seconds between two looks at what there is to tell.
        give_up: seconds of the roll; then jax waits for them, and fails in its own time.
    """

    first: float = 10.0
    again: float = 60.0
    tell: float = 1.0
    give_up: float = 300.0


_PATIENCE = Patience()
_HELLO = b"vidparticles process "


def _on_stderr(sentence: str) -> None:
    print(sentence, file=sys.stderr, flush=True)


def sentence(missing: Sequence[int], *, of: int, seconds: float) -> str:
    """What is said of those who are waited for.

    Example:
        >>> sentence([2, 3], of=4, seconds=10.2)
        'waiting for processes 2 and 3 of 4 for 10 s (they are numbered from 0)'
        >>> sentence(range(1, 12), of=12, seconds=10.2)
        'waiting for 11 processes of 12, the first of them 1, for 10 s (they are numbered from 0)'
    """
    names = [str(number) for number in missing]
    if len(names) == 1:
        who = f"process {names[0]} of {of}"
    elif len(names) <= 8:
        who = f"processes {', '.join(names[:-1])} and {names[-1]} of {of}"
    else:
        who = f"{len(names)} processes of {of}, the first of them {names[0]},"
    return f"waiting for {who} for {seconds:.0f} s (they are numbered from 0)"


# ------------------------------------------------------------------ at the start


def call_roll(
    coordinator: str,
    *,
    processes: int,
    process: int,
    patience: Patience = _PATIENCE,
    say: Say = _on_stderr,
) -> None:
    """Wait until all processes have come, and say who has not.

    Args:
        coordinator: host:port of process 0, which is free again afterwards.
        processes: how many there are.
        process: which of them this is, from 0.
        patience: when to say so.
        say: what takes each sentence.

    Returns:
        When all have come; earlier where the roll cannot be called (the port is taken, something
        else answers there): that is for jax to report, which comes next.
    """
    host, _, port = coordinator.rpartition(":")
    watch = _Watch(processes, patience, say)
    with contextlib.suppress(OSError):  # of which jax says more
        if process:
            _answer(host.strip("[]"), int(port), process, watch)
        else:
            _take_down(int(port), watch)


@contextlib.contextmanager
def joining(*, patience: Patience = _PATIENCE, say: Say = _on_stderr) -> Iterator[None]:
    """Around jax's own wait for processes that only the cluster knows: says that it lasts."""
    words = "waiting for the other processes that the cluster has named for "
    timer = threading.Timer(patience.first, say, [f"{words}{patience.first:.0f} s"])
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


class _Watch:
    """Says who is missing when it is time to."""

    def __init__(self, processes: int, patience: Patience, say: Say, *, begun: float | None = None):
        self.processes, self.patience, self._say = processes, patience, say
        self._begun = time.monotonic() if begun is None else begun
        self._next = patience.first

    @property
    def waited(self) -> float:
        return time.monotonic() - self._begun

    def missing(self, numbers: Sequence[int]) -> None:
        if numbers and self.waited >= self._next:
            self._next = self.waited + self.patience.again
            self._say(sentence(numbers, of=self.processes, seconds=self.waited))


def _take_down(port: int, watch: _Watch) -> None:
    """Process 0: who comes is taken down, and told who is missing until nobody is."""
    there: dict[socket.socket, int | None] = {}
    with contextlib.ExitStack() as open_, selectors.DefaultSelector() as events:
        dual = socket.has_dualstack_ipv6()
        door = socket.create_server(
            ("", port),
            family=socket.AF_INET6 if dual else socket.AF_INET,
            dualstack_ipv6=dual,
            backlog=watch.processes,
        )
        events.register(open_.enter_context(door), selectors.EVENT_READ)
        while watch.waited < watch.patience.give_up:
            numbers = {0, *(n for n in there.values() if n is not None)}
            missing = [n for n in range(watch.processes) if n not in numbers]
            watch.missing(missing)
            for one, number in list(there.items()):
                if number is not None:
                    with contextlib.suppress(OSError):
                        one.sendall(f"{' '.join(map(str, missing))}\n".encode())
            if not missing:
                return
            for key, _ in events.select(timeout=watch.patience.tell):
                if key.fileobj is door:
                    one, _ = door.accept()
                    one.settimeout(1.0)
                    there[open_.enter_context(one)] = None
                    events.register(one, selectors.EVENT_READ)
                    continue
                one = key.fileobj  # type: ignore[assignment]
                said = b""
                with contextlib.suppress(OSError):
                    said = one.recv(64)
                if said.startswith(_HELLO) and said[len(_HELLO) :].strip().isdigit():
                    there[one] = int(said[len(_HELLO) :])
                else:  # it ended, and may come back; or it is something else
                    events.unregister(one)
                    del there[one]
                    one.close()


def _answer(host: str, port: int, process: int, watch: _Watch) -> None:
    """Another process: says that it is there, and hears who is missing."""
    while watch.waited < watch.patience.give_up:
        heard = False
        with contextlib.suppress(OSError):  # process 0 has not come, or is busy: once more
            with socket.create_connection((host, port), timeout=5 * watch.patience.tell) as line:
                line.sendall(_HELLO + b"%d\n" % process)
                for said in line.makefile("rb"):
                    missing = said.split()
                    if not missing or not all(number.isdigit() for number in missing):
                        return
                    heard = True
                    watch.missing([int(number) for number in missing])
            if not heard:  # what listens there calls no roll: the service of jax
                return
        watch.missing([0])
        time.sleep(watch.patience.tell / 5)


# ------------------------------------------------------------------ on the way


@dataclasses.dataclass
class _Places:
    """Where the processes meet.

    Attributes:
        count: places that this process has come to.
        since: when it came to the last, seconds of the clock; None when it has gone on.
    """

    count: int = 0
    since: float | None = None


_PLACES = _Places()
_FOLDER = "vidparticles/places"


@contextlib.contextmanager
def meeting() -> Iterator[None]:
    """Around what ends when all processes have come to it, in the same order on each.

    Nothing is sent here: a thread of `report` does that, where there are several processes.

    Example:
        >>> with meeting():
        ...     pass  # a step, a checkpoint
    """
    _PLACES.count += 1
    _PLACES.since = time.monotonic()
    try:
        yield
    finally:
        _PLACES.since = None


def report(*, patience: Patience = _PATIENCE, say: Say = _on_stderr) -> None:
    """Begin to tell the others how far this process is, and to say for whom it waits.

    Args:
        patience: when to say so.
        say: what takes each sentence.
    """
    from jax._src import distributed  # which jax's own multihost_utils and orbax use, too

    state = distributed.global_state
    client: Any = state.client
    me, processes = state.process_id, state.num_processes
    ended = threading.Event()

    def follow() -> None:
        told, watch = -1, _Watch(processes, patience, say)
        while not ended.wait(patience.tell):
            count, since = _PLACES.count, _PLACES.since
            if count != told:
                client.key_value_set(f"{_FOLDER}/{me}", str(count), allow_overwrite=True)
                told, watch = count, _Watch(processes, patience, say, begun=since)
            if since is None or watch.waited < patience.first:
                continue
            counts = dict.fromkeys(range(processes), 0)
            for key, value in client.key_value_dir_get(_FOLDER):
                counts[int(key.rpartition("/")[2])] = int(value)
            watch.missing([number for number, n in counts.items() if n < count])

    def guarded() -> None:
        with contextlib.suppress(Exception):  # the service is gone, of which jax says more
            follow()

    thread = threading.Thread(target=guarded, name="peers", daemon=True)
    thread.start()

    def end() -> None:
        ended.set()
        thread.join()

    atexit.register(end)  # before jax leaves the service, which its atexit does
