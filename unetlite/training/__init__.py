"""One run: what is optimised, by which trainer, with which callbacks, and what is left."""
