"""What came of a result, taken apart: by regime, by episode, by cause, by size; and how sure its numbers are."""
