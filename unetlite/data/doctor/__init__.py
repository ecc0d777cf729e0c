"""What is wrong with images and masks: findings with the names of files and the remedy."""
