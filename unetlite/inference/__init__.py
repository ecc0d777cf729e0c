"""Prediction with trained networks: checkpoints and exports, tiles, large files."""
