"""The network, exact rewrites of it, and what can be measured of it without data."""
