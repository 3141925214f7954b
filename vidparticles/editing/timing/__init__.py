"""When each moment of a clip is shown: speeds, repeats, slow motion, exact clocks."""
