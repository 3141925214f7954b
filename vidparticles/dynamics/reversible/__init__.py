"""Rollouts that are run backwards: memory of a few states, whatever the steps."""
