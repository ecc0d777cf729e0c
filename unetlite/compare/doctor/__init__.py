"""What looks wrong in the data by what networks predict: suspects, misplaced masks, turns."""
