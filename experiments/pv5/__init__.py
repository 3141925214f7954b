"""PV-5: five synthetic tasks that separate models."""
