"""Motion between two pictures: of patches, of every pixel, of the camera."""

from vidparticles.flow.two_way import Flow, FlowConfig, between

__all__ = ["Flow", "FlowConfig", "between"]
