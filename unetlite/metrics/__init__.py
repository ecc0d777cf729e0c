"""Scores of predicted masks and logits, as torchmetrics metrics; one module a kind."""
