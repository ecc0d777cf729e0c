"""The data sets, decoded once on disk, their augmentation, and the batches that are made of them."""
