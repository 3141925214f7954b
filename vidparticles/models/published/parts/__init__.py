"""What several published networks have in common: names, labels, boxes, layers, words."""
