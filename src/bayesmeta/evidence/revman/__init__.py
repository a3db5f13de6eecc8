"""RevMan files: reviews of RevMan 5 (XML, data rows as CSV) and of RevMan Web."""
