"""What a trained network makes of images: of one, of many files, of files larger than memory."""
