"""Points of the picture followed through any footage, without learning."""
