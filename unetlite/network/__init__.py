"""The network: its operators, the U-Net, exact rewrites of it, and what can be measured of it without data."""
