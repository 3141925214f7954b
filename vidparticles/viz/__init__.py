"""Drawing particles on frames and pages, and what a command says on a terminal."""
