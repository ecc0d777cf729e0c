"""One run: what is optimised, by which trainer, with which callbacks, and the directory that is left."""
