"""The commands of `unetlite`: what each asks, does and prints."""
