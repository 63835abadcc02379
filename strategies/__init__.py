"""What to hold, one strategy per file. Exporting a strategy here puts it through the causality proof."""
