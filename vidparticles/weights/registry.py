"""Package registries as file servers: which files a project has and where they lie.

Nothing is installed or built. For PyPI the indexes are those that pip is configured with, asked
as PEP 503 and 691 say; for npm the registry is the one that npm is configured with.
"""

from __future__ import annotations

import ast
import base64
import html.parser
import http.client
import json
import os
import re
import shutil
import ssl
import subprocess
import sys
import urllib.parse
import urllib.request
from collections.abc import Iterator
from typing import Any

_PYPI = "https://pypi.org/simple"
_NPM = "https://registry.npmjs.org"
_SIMPLE = "application/vnd.pypi.simple.v1+json, text/html;q=0.5"
_PACKUMENT = "application/vnd.npm.install-v1+json, application/json;q=0.5"
_PATIENCE = 30.0  # seconds without a byte

# What goes wrong with a server, in whatever layer.
ERRORS = (OSError, http.client.HTTPException, ValueError, KeyError, TypeError, AttributeError)


def addresses(registry: str, project: str) -> list[str]:
    """Where the list of a project's files is asked for, in order."""
    if registry == "npm":
        return [f"{_npm_registry().rstrip('/')}/{urllib.parse.quote(project, safe='@')}"]
    name = re.sub(r"[-_.]+", "-", project).lower()
    return [f"{index.rstrip('/')}/{name}/" for index in _pip_indexes()]


def find(registry: str, address: str, archive: str) -> str | None:
    """The URL of an archive; None where the list does not have it.

    Args:
        registry: "pypi" or "npm".
        address: of the list, one of `addresses`.
        archive: its file name.

    Raises:
        one of `ERRORS`: the server does not answer, or not as it should.
    """
    with open_url(address, accept=_PACKUMENT if registry == "npm" else _SIMPLE) as response:
        kind, base = response.headers.get_content_type(), response.url
        text = response.read().decode()
    pairs = _npm_files(text) if registry == "npm" else _simple_files(text, kind)
    found = dict(pairs).get(archive)
    return None if found is None else _with_login(urllib.parse.urljoin(base, found), address)


def open_url(url: str, *, accept: str = "*/*") -> Any:
    """A response of a server, as `urllib.request.urlopen` gives it.

    A name and a password in the URL are sent; the certificates that PIP_CERT names count.
    """
    parts = urllib.parse.urlsplit(url)
    headers, login = {"Accept": accept, "User-Agent": "vidparticles"}, ""
    if parts.username:
        pair = f"{_plain(parts.username)}:{_plain(parts.password)}"
        login = "Basic " + base64.b64encode(pair.encode()).decode()
    request = urllib.request.Request(told(url), headers=headers)
    if login:  # for this server alone, not for one that it points to
        request.add_unredirected_header("Authorization", login)
    context = None
    if parts.scheme == "https" and (certificates := os.environ.get("PIP_CERT")):
        context = ssl.create_default_context(cafile=certificates)
    return urllib.request.urlopen(request, timeout=_PATIENCE, context=context)


def told(url: str) -> str:
    """A URL as it may be printed, without a password.

    Example:
        >>> told("https://me:secret@example.org/simple/")
        'https://example.org/simple/'
    """
    parts = urllib.parse.urlsplit(url)
    return urllib.parse.urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))


def _with_login(url: str, address: str) -> str:
    """A URL with the name and the password of an address of the same server."""
    parts, known = urllib.parse.urlsplit(url), urllib.parse.urlsplit(address)
    if parts.netloc != known.netloc.rpartition("@")[2]:
        return url
    return urllib.parse.urlunsplit(parts._replace(netloc=known.netloc))


def _plain(part: str | None) -> str:
    return urllib.parse.unquote(part or "")


# ---------------------------------------------------------------- PyPI


def _simple_files(text: str, kind: str) -> Iterator[tuple[str, str]]:
    """File names and URLs of an answer, JSON (PEP 691) or HTML (PEP 503)."""
    if kind.endswith("json"):
        for file in json.loads(text)["files"]:
            yield file["filename"], file["url"]
        return
    page = _Links()
    page.feed(text)
    for link in page.links:
        bare = urllib.parse.urldefrag(link).url
        yield urllib.parse.unquote(bare.rpartition("/")[2]), bare


class _Links(html.parser.HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.links: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "a" and (link := dict(attrs).get("href")):
            self.links.append(link)


def _pip_indexes() -> list[str]:
    """The indexes that pip would ask: of the environment, of its files, or the public one."""
    settings = {"index-url": _PYPI, "extra-index-url": ""}
    variables = {key: "PIP_" + key.upper().replace("-", "_") for key in settings}
    if not all(variable in os.environ for variable in variables.values()):
        for section, key, value in _pip_settings():
            if section in ("global", "install") and key in settings:
                settings[key] = value
    settings |= {key: os.environ[v] for key, v in variables.items() if v in os.environ}
    return [*settings["index-url"].split(), *settings["extra-index-url"].split()]


def _pip_settings() -> Iterator[tuple[str, str, str]]:
    """(section, key, value) of pip's files; none where there is no pip."""
    command = [sys.executable, "-m", "pip", "config", "list"]
    for line in _output(command).splitlines():
        name, _, value = line.partition("=")
        section, _, key = name.rpartition(".")
        try:
            yield section, key, str(ast.literal_eval(value))
        except (ValueError, SyntaxError):
            continue


# ---------------------------------------------------------------- npm


def _npm_files(text: str) -> Iterator[tuple[str, str]]:
    for version in json.loads(text)["versions"].values():
        url = version["dist"]["tarball"]
        yield url.rpartition("/")[2], url


def _npm_registry() -> str:
    for key in ("npm_config_registry", "NPM_CONFIG_REGISTRY"):
        if os.environ.get(key):
            return os.environ[key]
    npm = shutil.which("npm")
    url = _output([npm, "config", "get", "registry"]).strip() if npm else ""
    return url if url.startswith("http") else _NPM


def _output(command: list[str]) -> str:
    """What a command prints; nothing where it fails."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=_PATIENCE)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout if done.returncode == 0 else ""
