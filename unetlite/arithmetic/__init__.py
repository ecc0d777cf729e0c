"""Convolution arithmetic on small maps: results, the sums behind them, sizes, and equal forms."""
