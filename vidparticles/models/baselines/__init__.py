"""What the particle model is measured against, trained by the same script."""
