"""Numbers computed from what was known, one idea per file. Exporting a signal here puts it through the causality proof."""
