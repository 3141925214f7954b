"""Persons, animals and things that are followed, drawn on the frames of a clip or on a page."""
