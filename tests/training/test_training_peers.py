"""Processes that wait for others say for whom."""

from __future__ import annotations

import socket
import subprocess
import sys
import threading

from vidparticles.training import peers

SOON = peers.Patience(first=0.3, again=60.0, tell=0.05, give_up=60.0)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("localhost", 0))
        return probe.getsockname()[1]


class Process(threading.Thread):
    """One of several that come to the roll; `said` is what it prints."""

    def __init__(self, port: int, number: int, of: int):
        super().__init__(daemon=True)
        self.said: list[str] = []
        self.heard = threading.Event()
        self._options = {"processes": of, "process": number, "patience": SOON, "say": self._say}
        self._where = f"localhost:{port}"
        self.start()

    def _say(self, sentence: str) -> None:
        self.said.append(sentence.split(" for 0 s")[0])
        self.heard.set()

    def run(self) -> None:
        peers.call_roll(self._where, **self._options)


def test_at_the_start_all_say_who_has_not_come_and_go_on_once_they_have():
    port = free_port()
    second = Process(port, 1, of=4)
    assert second.heard.wait(30)
    assert second.said == ["waiting for process 0 of 4"]
    first = Process(port, 0, of=4)
    assert first.heard.wait(30)
    late = [Process(port, number, of=4) for number in (2, 3)]
    for process in (first, second, *late):
        process.join(30)
        assert not process.is_alive()
    assert first.said[0] in {
        "waiting for processes 2 and 3 of 4",
        "waiting for processes 1, 2 and 3 of 4",
    }
    assert [process.said for process in late] == [[], []]
    with socket.create_server(("localhost", port)):  # jax's own service is next at that port
        pass


def test_a_port_that_is_taken_is_left_to_jax():
    with socket.create_server(("", 0)) as taken:
        port = taken.getsockname()[1]
        peers.call_roll(f"localhost:{port}", processes=2, process=0, patience=SOON)


RUN = """
import sys, time, jax
from vidparticles.training import peers, sharding
port, me = sys.argv[1], int(sys.argv[2])
peers.report = lambda report=peers.report: report(
    patience=peers.Patience(first=0.5, again=60.0, tell=0.1)
)
sharding.initialize(coordinator=f"localhost:{port}", processes=3, process=me)
sharding.first_then_all(lambda: None)
if me == 2:
    time.sleep(4)
sharding.first_then_all(lambda: None)
"""


def test_on_the_way_those_who_have_come_name_the_one_who_has_not():
    port = str(free_port())
    children = [
        subprocess.Popen(
            [sys.executable, "-c", RUN, port, str(number)], stderr=subprocess.PIPE, text=True
        )
        for number in range(3)
    ]
    try:
        said = [child.communicate(timeout=300)[1] for child in children]
    finally:
        for child in children:
            child.kill()
    assert [child.returncode for child in children] == [0, 0, 0], said
    last = [[line for line in text.splitlines() if "waiting" in line] for text in said]
    for lines in last[:2]:
        assert any(line.startswith("waiting for process 2 of 3 for ") for line in lines), said
    assert not any("process 2 " in line for line in last[2]), said
