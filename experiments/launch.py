"""The edge of train.py: flags in, one sentence out when they are wrong.

--config=FILE[:MODEL]  --config.KEY=VALUE …  --workdir=W
--coordinator=HOST:PORT --processes=N --process=I
"""

from __future__ import annotations

import pathlib
import runpy
import sys
from collections.abc import Callable, Sequence
from typing import Any

import ml_collections
from absl import app, flags, logging
from ml_collections import config_flags

from vidparticles import startup
from vidparticles.errors import InputError, nearest

CONFIG = config_flags.DEFINE_config_file("config", None, "What to train.", lock_config=True)
WORKDIR = flags.DEFINE_string("workdir", None, "Where the run lives.")
COORDINATOR = flags.DEFINE_string(
    "coordinator", None, "host:port of process 0 when there are several; 'auto' asks the cluster."
)
PROCESSES = flags.DEFINE_integer("processes", None, "How many processes there are.")
PROCESS = flags.DEFINE_integer("process", None, "Which of them this is, from 0.")


def run(train: Callable[[ml_collections.ConfigDict, str], dict[str, Any]]) -> None:
    """Parse the command line, join the other processes, train; exit 2 on a user's mistake."""
    logging.set_verbosity(logging.WARNING)
    startup.quiet_libraries()
    startup.without_keras()
    startup.compile_cache()
    try:
        app.run(lambda _: _main(train), flags_parser=parse)
    except InputError as error:
        print(f"train.py: {error}", file=sys.stderr)
        sys.exit(2)
    except FloatingPointError as error:
        print(f"train.py: {error}", file=sys.stderr)
        sys.exit(1)
    except KeyboardInterrupt:
        print(
            "train.py: stopped; the same command goes on from the last checkpoint.",
            file=sys.stderr,
        )
        sys.exit(130)


def _main(train: Callable[[ml_collections.ConfigDict, str], dict[str, Any]]) -> None:
    import jax

    from vidparticles.training import sharding

    sharding.initialize(
        coordinator=COORDINATOR.value, processes=PROCESSES.value, process=PROCESS.value
    )
    final = train(CONFIG.value, WORKDIR.value)
    width = max(map(len, final))
    for name in sorted(final) if jax.process_index() == 0 else ():
        print(f"{name:{width}s}  {final[name]:.6g}")


def parse(argv: Sequence[str]) -> list[str]:
    """absl's own parsing, with its errors in one sentence.

    Raises:
        InputError: a flag or a key of the config is unknown, or its value does not fit.
    """
    if not any(arg.lstrip("-").startswith("config=") for arg in argv):
        if not {"--help", "--helpshort", "--helpfull", "-h"} & set(argv):
            raise InputError(
                "--config is missing; expected --config=experiments/configs/NAME.py, see that "
                "folder."
            )
    else:
        _check_keys(argv)
    try:
        rest = flags.FLAGS(list(argv))
    except flags.Error as error:
        raise InputError(" ".join(str(error).split())) from error
    if len(rest) > 1:
        raise InputError(f"'{rest[1]}' is not a flag; expected --name=value.")
    if CONFIG.value is not None and not WORKDIR.value:
        raise InputError("--workdir is missing; expected the folder that the run is to live in.")
    return rest


def _check_keys(argv: Sequence[str]) -> None:
    """Raise InputError on the first --config.KEY that the config does not have."""
    path = next(a for a in argv if a.lstrip("-").startswith("config=")).split("=", 1)[1]
    file = pathlib.Path(path.split(":", 1)[0])
    if not file.is_file():
        raise InputError(f"--config={file} is no file; see experiments/configs/.")
    config = runpy.run_path(str(file))["get_config"](*path.split(":", 1)[1:])
    for arg in argv:
        name = arg.lstrip("-").split("=", 1)[0]
        if not name.startswith("config."):
            continue
        node, walked = config, "config"
        for part in name.split(".")[1:]:
            if not isinstance(node, ml_collections.ConfigDict):
                raise InputError(f"--{name}: {walked} is a value and has no keys.")
            if part not in node:
                raise InputError(f"--{name}: {walked} has no key '{part}'.{nearest(part, node)}")
            node, walked = node[part], f"{walked}.{part}"
