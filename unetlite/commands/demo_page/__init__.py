"""The page of `unetlite demo`: its tabs, how it is served, and what it answers."""
