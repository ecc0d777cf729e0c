"""What each variant costs: on this machine, kept from an earlier look, or on another device."""
