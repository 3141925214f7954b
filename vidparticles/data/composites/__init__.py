"""Made clips of objects cut out of pictures, over other pictures, with all that is true of them."""
