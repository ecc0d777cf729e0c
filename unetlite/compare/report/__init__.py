"""What is shown of a comparison: the page, its tables, charts and pictures, and TensorBoard."""
