"""A trained network for other runtimes: one artefact that takes raw pixels, checked before it is kept."""
