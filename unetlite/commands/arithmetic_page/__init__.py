"""The page on arithmetic: a state as a query string, and what the page shows of it."""
