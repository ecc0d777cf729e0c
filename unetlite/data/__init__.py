"""Data sets: files on disk, decoded once, and made into batches."""
