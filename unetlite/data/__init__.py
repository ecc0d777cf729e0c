"""The data sets and what they share: decoded samples on disk, augmentation, and the LightningDataModule."""
