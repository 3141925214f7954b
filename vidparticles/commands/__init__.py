"""What the command line does, one plain function a verb, each in the module of its name."""

from vidparticles.commands.cuts import Cuts, Shot, cuts
from vidparticles.commands.edit import edit
from vidparticles.commands.layout import describe, list_shots
from vidparticles.commands.predict import predict
from vidparticles.commands.prepare import prepare
from vidparticles.commands.show import show
from vidparticles.commands.splice import splice
from vidparticles.commands.understand import Event, Understanding, understand

__all__ = [
    "Cuts",
    "Event",
    "Shot",
    "Understanding",
    "cuts",
    "describe",
    "edit",
    "list_shots",
    "predict",
    "prepare",
    "show",
    "splice",
    "understand",
]
