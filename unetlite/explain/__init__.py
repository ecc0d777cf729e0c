"""What a network computes, layer by layer, and what its upsampling operator does, in numbers and pictures."""
