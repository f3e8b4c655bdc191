"""What we heard, for ever: the line form, the writer, the readers, and the proof."""
