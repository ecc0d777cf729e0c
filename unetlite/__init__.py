"""unetlite: a small U-Net whose decoder upsampling is a switch, and everything else is held fixed."""
