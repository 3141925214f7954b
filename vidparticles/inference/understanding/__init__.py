"""What a clip shows, without training: published networks and motion, from one reading of it."""
