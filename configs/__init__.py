"""The configuration, composed by Hydra; installed with the package as `unetlite.configs`."""
