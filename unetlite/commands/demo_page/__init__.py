"""The page of `unetlite demo`: what it is served with, and the tab of the models."""
