"""What a trained network makes of images: checkpoints and exports behind one contract, tiles, large files."""
