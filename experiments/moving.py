"""What a run of configs/moving.py learned, as the file that the package ships.

python -m experiments.moving WORKDIR [-o vidparticles/models/moving/moving.safetensors]
"""

from __future__ import annotations

import argparse
import hashlib

from vidparticles import storage
from vidparticles.models.moving import files
from vidparticles.training.run import load_model


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("workdir", metavar="WORKDIR")
    options.add_argument("-o", metavar="FILE", required=True)
    args = options.parse_args()
    loaded = load_model(args.workdir)
    content = files.to_bytes(loaded.params)
    storage.write_bytes(args.o, content)
    digest = hashlib.sha256(content).hexdigest()
    print(f"{args.o}: {len(content) / 1e6:.2f} MB after {loaded.step} steps, sha256 {digest}")


if __name__ == "__main__":
    main()
